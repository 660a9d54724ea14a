package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the tree that ends with a record, as the record holds it: a
// C2SP checkpoint (tlog-checkpoint), in a signed note where the node has a key.
type Checkpoint struct {
	// Tree is the number of the tree.
	Tree int
	// Size is the number of the record.
	Size int64
	// Root of the tree.
	Root Hash
	// Signature is by the node's key; nil if the record is not signed.
	Signature *note.Signature
}

// checkpointText is the text of a checkpoint: the note without its signature.
func checkpointText(origin string, size int64, root Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
}

// newCheckpoint makes the checkpoint of a record, signed where there is a key.
func newCheckpoint(origin string, size int64, root Hash, key *SigningKey) (string, error) {
	return key.note(checkpointText(origin, size, root))
}

// note makes a note of a text, signed where there is a key.
func (k *SigningKey) note(text string) (string, error) {
	if k == nil {
		return text + "\n", nil
	}
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return "", fmt.Errorf("sign %q: %w", text, err)
	}
	return string(signed), nil
}

// checkpoint takes the record's checkpoint apart. Its one form is that of newCheckpoint.
func (r *Record) checkpoint() (c Checkpoint, err error) {
	text, signatures, _ := strings.Cut(r.Checkpoint, "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) != 3 {
		return c, invalid("checkpoint %q", r.Checkpoint)
	}
	c.Tree, err = treeOf(lines[0], KeyName(r.Cluster, r.Node))
	if err != nil {
		return c, err
	}
	c.Size, _ = strconv.ParseInt(lines[1], 10, 64)
	root, _ := base64.StdEncoding.DecodeString(lines[2])
	if c.Size != r.Number || len(root) != len(c.Root) || checkpointText(lines[0], c.Size, Hash(root)) != text+"\n" {
		return c, invalid("checkpoint %q of record %d", r.Checkpoint, r.Number)
	}
	c.Root = Hash(root)
	if signatures == "" {
		if r.Checkpoint != text+"\n\n" {
			return c, invalid("checkpoint %q", r.Checkpoint)
		}
		return c, nil
	}
	_, err = note.Open([]byte(r.Checkpoint), note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) || len(unverified.Note.UnverifiedSigs) != 1 || strings.Count(signatures, "\n") != 1 {
		return c, invalid("checkpoint %q: expected one signature", r.Checkpoint)
	}
	c.Signature = &unverified.Note.UnverifiedSigs[0]
	if c.Signature.Name != KeyName(r.Cluster, r.Node) {
		return c, invalid("signed by %q, which is not the key of this node", c.Signature.Name)
	}
	return c, nil
}

// treeOf is the number of the tree with an origin; name is that of the first.
func treeOf(origin, name string) (int, error) {
	if origin == name {
		return 1, nil
	}
	digits, _ := strings.CutPrefix(origin, name+"/")
	tree, err := strconv.Atoi(digits)
	if err != nil || tree < 2 || tree > maxTree || fmt.Sprintf("%s/%d", name, tree) != origin {
		return 0, invalid("origin %q is not %s or a later tree of it", origin, name)
	}
	return tree, nil
}

// maxTree is more trees than a node begins.
const maxTree = 9999

// ErrSignature is returned by [Record.Verify] for a record that the key did not sign
// as it is.
var ErrSignature = errors.New("the signature is not that of this checkpoint and key")

// Verify checks the signature of the record's checkpoint. It vouches for the record
// only if the root is that of the tree.
func (r *Record) Verify(key note.Verifier) error {
	if _, err := note.Open([]byte(r.Checkpoint), note.VerifierList(key)); err != nil {
		return fmt.Errorf("verify record %d: %w", r.Number, ErrSignature)
	}
	return nil
}
