package rollups

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// MaxSize is the longest JSON form that is read, in bytes: some 300,000 records, or 40,000 of files. The
// records of a larger one are read instead.
const MaxSize = 16 << 20

var (
	// ErrInvalid is returned for bytes that are not a rollup.
	ErrInvalid = errors.New("not a valid rollup")
	// ErrNewer is returned for a version that this program does not know.
	ErrNewer = errors.New("a rollup by a newer version of auditsidecar (or changed): use that version")
	// ErrSignature is returned by [Rollup.Verify] for a rollup that no trusted key made.
	ErrSignature = errors.New("not signed by a key that is trusted for it")
	// ErrJoin is returned by [Rollup.Follows] for a rollup that does not continue another.
	ErrJoin = errors.New("it does not continue the rollup before")
)

// Rollup is one that was read.
type Rollup struct {
	manifest.Rollup
	// Point is its head, and After the tree that ends there.
	Point manifest.Checkpoint
	After manifest.Tree
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Parse reads the JSON form. The error wraps [ErrInvalid] or [ErrNewer].
func Parse(data []byte) (*Rollup, error) {
	if len(data) > MaxSize {
		return nil, invalid("%d bytes, more than %d", len(data), MaxSize)
	}
	var version struct {
		Version int64 `json:"version"`
	}
	err := json.Unmarshal(data, &version)
	switch {
	case err != nil:
		return nil, invalid("%v", err)
	case version.Version > manifest.Version:
		return nil, fmt.Errorf("version %d: %w", version.Version, ErrNewer)
	}
	r := &Rollup{}
	if err := json.Unmarshal(data, &r.Rollup); err != nil {
		return nil, invalid("%v", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	// Everything that JSON leaves open is decided here, as is an unknown field.
	want, err := r.Encode()
	switch {
	case err != nil:
		return nil, invalid("%v", err)
	case !bytes.Equal(want, data):
		return nil, invalid("not in canonical form: it was changed after it was made")
	}
	return r, r.compute()
}

// check says whether every field is in its range.
func (r *Rollup) check() error {
	if err := r.key().Check(); err != nil {
		return invalid("%v", err)
	}
	switch {
	case r.Version != manifest.Version:
		return invalid("version %d", r.Version)
	case r.From < 1 || r.To < r.From || r.To-r.From >= MaxSize || int64(len(r.Leaves)) != r.To-r.From+1:
		return invalid("records %d to %d with %d leaves", r.From, r.To, len(r.Leaves))
	case len(r.Start) != bits.OnesCount64(uint64(r.From-1)):
		return invalid("%d hashes of the %d records before it", len(r.Start), r.From-1)
	case manifest.DayOf(manifest.Stamp{Time: r.Began}) != r.Day:
		return invalid("day %s begins at %s", r.Day, r.Began.Format(time.RFC3339))
	case min(r.Files, r.Bytes, r.Lines, r.Objects) < 0:
		return invalid("%d files, %d bytes, %d lines, %d objects", r.Files, r.Bytes, r.Lines, r.Objects)
	}
	for _, hash := range slices.Concat(r.Start, r.Leaves) {
		if len(hash) != len(manifest.Hash{}) {
			return invalid("a hash of %d bytes", len(hash))
		}
	}
	for _, counts := range [][]manifest.RollupCount{r.Levels, r.Stages} {
		for i, c := range counts {
			if c.Lines < 0 || i > 0 && counts[i-1].Name >= c.Name {
				return invalid("count of %q: %d", c.Name, c.Lines)
			}
		}
	}
	for _, g := range r.Gaps {
		if g.Number < r.From || g.Number > r.To || g.Bytes < -1 || g.Reason == "" {
			return invalid("gap of record %d: reason %q, bytes %d", g.Number, g.Reason, g.Bytes)
		}
	}
	for i, f := range r.Recorded {
		if f.Number < r.From || f.Number > r.To || i > 0 && f.Number <= r.Recorded[i-1].Number || min(f.Bytes, f.Lines, f.Objects) < 0 {
			return invalid("file of record %d: %d bytes, %d lines, %d objects", f.Number, f.Bytes, f.Lines, f.Objects)
		}
	}
	return nil
}

// compute takes the head apart and computes the tree, whose root must be that of the head.
func (r *Rollup) compute() (err error) {
	if r.Point, err = r.Rollup.Point(); err != nil {
		return invalid("its head: %v", err)
	}
	if int64(r.Point.Tree) != r.Tree {
		return invalid("its head is of tree %d", r.Point.Tree)
	}
	text, err := r.Text()
	if err != nil || r.Note != text+"\n" && !strings.HasPrefix(r.Note, text+"\n\u2014 ") {
		return invalid("its note is not about it: it was changed after it was made")
	}
	if r.After, err = manifest.TreeOf(r.From-1, hashes(r.Start)); err != nil {
		return invalid("%v", err)
	}
	for _, leaf := range r.Leaves {
		r.After = r.After.With(manifest.Hash(leaf))
	}
	if r.After.Root() != r.Point.Root {
		return invalid("its leaf hashes do not lead to the root of its head")
	}
	return nil
}

func hashes(all [][]byte) (to []manifest.Hash) {
	for _, hash := range all {
		to = append(to, manifest.Hash(hash))
	}
	return to
}

// key is the key that it belongs under.
func (r *Rollup) key() archive.Key {
	return archive.Key{Kind: archive.KindRollup, Cluster: r.Cluster, Node: r.Node, Tree: int(r.Tree), Day: r.Day, Ext: "json"}
}

// Origin names its tree.
func (r *Rollup) Origin() string { return manifest.Origin(r.Cluster, r.Node, int(r.Tree)) }

// Leaf returns the leaf hash of a record from From to To.
func (r *Rollup) Leaf(number int64) manifest.Hash { return manifest.Hash(r.Leaves[number-r.From]) }

// Before returns the tree that ends before it.
func (r *Rollup) Before() manifest.Tree {
	t, _ := manifest.TreeOf(r.From-1, hashes(r.Start)) // Parse has checked it
	return t
}

// Follows says whether it continues the rollup before it, or with nil begins its tree.
// The error wraps [ErrJoin].
func (r *Rollup) Follows(before *Rollup) error {
	switch {
	case before == nil && r.From == 1:
		return nil
	case before == nil:
		return fmt.Errorf("%w: it begins with record %d, without a rollup before it", ErrJoin, r.From)
	case r.Origin() != before.Origin() || r.From != before.To+1:
		return fmt.Errorf("%w: it begins with record %d of %s, that of %s ends with record %d of %s", ErrJoin, r.From, r.Origin(), before.Day, before.To, before.Origin())
	case !slices.Equal(hashes(r.Start), before.After.Hashes()):
		return fmt.Errorf("%w: it is of another history than that of %s", ErrJoin, before.Day)
	}
	return nil
}

// Verify checks the signatures with the keys to trust, of any node. The note must be by
// a key that may sign a later record, because it is made when there is one; the head, if it
// is signed, by one that may sign that record. The error wraps [ErrSignature].
func (r *Rollup) Verify(keys []manifest.TrustedKey) error {
	var makers, signers []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key.Vkey)
		if err != nil || verifier.Name() != manifest.KeyName(r.Cluster, r.Node) {
			continue
		}
		if key.Until == 0 || key.Until > r.To {
			makers = append(makers, verifier)
		}
		if key.From <= r.To && (key.Until == 0 || key.Until >= r.To) {
			signers = append(signers, verifier)
		}
	}
	if err := opened(r.Note, makers); err != nil {
		return fmt.Errorf("the rollup of %s: %w", r.Day, err)
	}
	if r.Point.Signature == nil {
		return nil
	}
	if err := opened(r.Head, signers); err != nil {
		return fmt.Errorf("the head of the rollup of %s, record %d: %w", r.Day, r.To, err)
	}
	return nil
}

// opened says whether one of the keys has signed a note. A hash of the key's name and
// bytes picks it; two keys with the same hash are tried one after the other.
func opened(text string, keys []note.Verifier) error {
	for _, key := range keys {
		if _, err := note.Open([]byte(text), note.VerifierList(key)); err == nil {
			return nil
		}
	}
	return ErrSignature
}
