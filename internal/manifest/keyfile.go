package manifest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// Blind is the HMAC-SHA256 of a SHA-256 (lower-case hex, like the result)
// under a secret key: only a holder of the key can confirm a guess of the
// hashed bytes.
func Blind(key []byte, sum string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sum))
	return hex.EncodeToString(mac.Sum(nil))
}

// SigningKey is a private key of a node and, where it takes over from another, the
// consent of that one.
type SigningKey struct {
	// Vkey is the public key.
	Vkey string
	// Handover is by the key before it; nil for a first key.
	Handover *Handover

	private string // as the note package writes it
	signer  note.Signer
}

// The first words of the lines of a private key file.
const (
	privatePrefix  = "PRIVATE+KEY+"
	handoverPrefix = "handover "
)

// GenerateKey makes a key with a name ([KeyName]), with the consent of the one that
// it replaces; nil: it replaces none.
func GenerateKey(name string, replaces *SigningKey) (*SigningKey, error) {
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	key, err := newSigningKey(private)
	if err != nil || replaces == nil {
		return key, err
	}
	if replaces.signer.Name() != name {
		return nil, fmt.Errorf("replace a key: it is the key %s, which cannot hand over to %s", replaces.signer.Name(), name)
	}
	key.Handover, err = replaces.handOver(key.Vkey)
	return key, err
}

func (k *SigningKey) handOver(to string) (*Handover, error) {
	signature, err := k.signer.Sign(HandoverMessage(k.Vkey, to))
	if err != nil {
		return nil, fmt.Errorf("sign a handover: %w", err)
	}
	return &Handover{From: k.Vkey, Signature: base64.StdEncoding.EncodeToString(signature)}, nil
}

// HandoverMessage is the message that one key signs to name its successor. The
// name in a vkey is that of the node.
func HandoverMessage(from, to string) []byte {
	return []byte("auditsidecar key handover\n" + from + "\n" + to + "\n")
}

// Record returns the content of the [KindKey] record that begins the use of
// the key.
func (k *SigningKey) Record() *Key { return &Key{Vkey: k.Vkey, Handover: k.Handover} }

// Signers are the keys that may have signed before this one does: itself and the one
// that hands over to it.
func (k *SigningKey) Signers() []TrustedKey {
	keys := []TrustedKey{{Vkey: k.Vkey}}
	if k.Handover != nil {
		keys = append(keys, TrustedKey{Vkey: k.Handover.From})
	}
	return keys
}

// Is says whether a vkey is one of the key's signers.
func (k *SigningKey) Is(vkey string) bool {
	return slices.ContainsFunc(k.Signers(), func(t TrustedKey) bool { return t.Vkey == vkey })
}

// made says whether a record has the signature of one of the key's signers; any has
// for nil.
func (k *SigningKey) made(e *Entry) bool {
	return k.signed(func(vkey string) bool { return e.VerifyBy(vkey) == nil })
}

// signed says whether one of the key's signers has signed something; any has for nil.
func (k *SigningKey) signed(by func(vkey string) bool) bool {
	return k == nil || slices.ContainsFunc(k.Signers(), func(t TrustedKey) bool { return by(t.Vkey) })
}

// Text is the content of the key's file.
func (k *SigningKey) Text() string {
	text := k.private + "\n"
	if h := k.Handover; h != nil {
		text += handoverPrefix + h.From + " " + h.Signature + "\n"
	}
	return text
}

// newSigningKey reads the private key of a node. No error has the key in it.
func newSigningKey(private string) (*SigningKey, error) {
	rest, ok := strings.CutPrefix(private, privatePrefix)
	parts := strings.Split(rest, "+")
	if !ok || len(parts) < 3 {
		return nil, errors.New("it must begin with PRIVATE+KEY+: auditsidecar keygen makes one")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(parts[2:], "+"))
	switch {
	case err != nil || len(raw) != 1+ed25519.SeedSize:
		return nil, fmt.Errorf("it is damaged: an Ed25519 key has %d bytes, this one %d", ed25519.SeedSize, max(0, len(raw)-1))
	case constant(raw[1:]):
		return nil, errors.New("all its bytes are equal, so anybody can guess it: make another one with auditsidecar keygen")
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, errors.New("it is damaged: its name, its hash and its bytes do not fit")
	}
	public, _ := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, fmt.Errorf("read its public key: %w", err)
	}
	return &SigningKey{Vkey: vkey, private: private, signer: signer}, nil
}

func constant(b []byte) bool { return bytes.Count(b, b[:1]) == len(b) }

// ReadSigningKey reads a private key as [SigningKey.Text] writes it; its name must be
// the given one. No error has the key in it.
func ReadSigningKey(path, name string) (*SigningKey, error) {
	data, err := durable.ReadKeyFile(path, true)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w (auditsidecar keygen makes one)", err)
	}
	key, err := parseSigningKey(string(data))
	if err == nil && key.signer.Name() != name {
		err = fmt.Errorf("it is the key %s, and a key proves only its own node: this one is %s", key.signer.Name(), name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", path, err)
	}
	return key, nil
}

func parseSigningKey(text string) (*SigningKey, error) {
	private, rest, _ := strings.Cut(text, "\n")
	key, err := newSigningKey(private)
	if err != nil || rest == "" {
		return key, err
	}
	words, ok := strings.CutPrefix(strings.TrimSuffix(rest, "\n"), handoverPrefix)
	from, signature, _ := strings.Cut(words, " ")
	key.Handover = &Handover{From: from, Signature: signature}
	if !ok || key.Record().check() != nil || !key.Record().HandedOverBy(from) {
		return nil, errors.New("its second line is not the handover to this key")
	}
	return key, nil
}

// HandedOverBy says whether a key, a vkey, has signed for this one.
func (k *Key) HandedOverBy(vkey string) bool {
	if k.Handover == nil || k.Handover.From != vkey {
		return false
	}
	from, err := note.NewVerifier(vkey)
	to, toErr := note.NewVerifier(k.Vkey)
	signature, sigErr := base64.StdEncoding.DecodeString(k.Handover.Signature)
	return errors.Join(err, toErr, sigErr) == nil && from.Name() == to.Name() && from.Verify(HandoverMessage(vkey, k.Vkey), signature)
}

// TrustedKey is a public key that a verifier trusts for the records of a node with
// the numbers From to Until; zero: no bound.
type TrustedKey struct {
	Vkey        string
	From, Until int64
}
