package manifest

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
)

var validKeyID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// KeyID names a public key: the first eight bytes of its SHA-256, lower-case
// hex.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Blind is the HMAC-SHA256 of a SHA-256 (lower-case hex, like the result)
// under a secret key: only a holder of the key can confirm a guess of the
// hashed bytes.
func Blind(key []byte, sum string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sum))
	return hex.EncodeToString(mac.Sum(nil))
}

// sign completes a record with the key's ID and its signature.
func sign(r Record, key ed25519.PrivateKey) (Record, error) {
	public, _ := key.Public().(ed25519.PublicKey)
	r.KeyID = KeyID(public)
	message, err := r.signed()
	if err != nil {
		return r, err
	}
	r.Signature = hex.EncodeToString(ed25519.Sign(key, message))
	return r, nil
}

// signed returns the signed bytes: the encoding of the record without signature.
func (r Record) signed() ([]byte, error) {
	r.Signature = ""
	return encode(r)
}

// ErrSignature is returned by [Record.Verify] for a record that the key did
// not sign as it is.
var ErrSignature = errors.New("the signature is not that of this record and key")

// Verify checks the record's signature with a public key, whatever the
// record's KeyID says.
func (r Record) Verify(key ed25519.PublicKey) error {
	signature, err := hex.DecodeString(r.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return fmt.Errorf("verify record %d: %w", r.Seq, ErrSignature)
	}
	message, err := r.signed()
	if err != nil {
		return err
	}
	if !ed25519.Verify(key, message, signature) {
		return fmt.Errorf("verify record %d: %w", r.Seq, ErrSignature)
	}
	return nil
}

// EndorsementMessage is the message that one key signs to name its successor.
func EndorsementMessage(next ed25519.PublicKey) []byte {
	return append([]byte("auditsidecar: this key takes over from mine: "), hex.EncodeToString(next)...)
}

// Endorse signs for the key that takes over.
func Endorse(key ed25519.PrivateKey, next ed25519.PublicKey) Endorsement {
	public, _ := key.Public().(ed25519.PublicKey)
	return Endorsement{KeyID: KeyID(public), Signature: hex.EncodeToString(ed25519.Sign(key, EndorsementMessage(next)))}
}

// Public returns the key of a key record.
func (k *Key) Public() ed25519.PublicKey {
	raw, _ := hex.DecodeString(k.PublicKey) // checked by Decode
	return raw
}

// EndorsedBy says whether a key has signed for this one.
func (k *Key) EndorsedBy(key ed25519.PublicKey) bool {
	if k.Endorsement == nil {
		return false
	}
	signature, err := hex.DecodeString(k.Endorsement.Signature)
	return err == nil && ed25519.Verify(key, EndorsementMessage(k.Public()), signature)
}
