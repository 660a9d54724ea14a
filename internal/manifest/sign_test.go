package manifest

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
)

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func TestSignedChain(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, Head{})
	c.SignWith(testKey(1))
	for seq := int64(1); seq <= 3; seq++ {
		_, err := c.Seal(fileRecord(seq, noon))
		must(t, err)
	}
	again, err := c.Seal(fileRecord(2, noon.Add(5)))
	if err != nil || again.Seq != 2 {
		t.Errorf("sealed a second time: %+v, %v", again, err)
	}
	var records [][]byte
	for _, s := range c.Sealed() {
		data, err := c.Bytes(s.Seq)
		must(t, err)
		records = append(records, data)
		r, err := Decode(data)
		must(t, err)
		if r.KeyID != KeyID(public(testKey(1))) {
			t.Errorf("record %d names the key %q", r.Seq, r.KeyID)
		}
		if err := r.Verify(public(testKey(1))); err != nil {
			t.Error(err)
		}
		if err := r.Verify(public(testKey(2))); !errors.Is(err, ErrSignature) {
			t.Errorf("another key: %v", err)
		}
	}
	if l := verifyLinks(self, records); len(l.Findings) > 0 {
		t.Errorf("found %s", kinds(l.Findings))
	}
	c = open(t, dir, Head{}) // after a restart with another key the old records stand
	c.SignWith(testKey(2))
	if _, err := c.Seal(fileRecord(2, noon)); err != nil {
		t.Error(err)
	}
	c.SignWith(nil)
	s, err := c.Seal(fileRecord(4, noon))
	must(t, err)
	data, err := c.Bytes(s.Seq)
	must(t, err)
	if strings.Contains(string(data), "keyID") {
		t.Errorf("signed without a key: %s", data)
	}
}

// Whatever is changed in a signed record, its signature no longer fits.
func TestSignatureCoversEverything(t *testing.T) {
	key := testKey(1)
	step := 1
	if testing.Short() {
		step = 3
	}
	for name, record := range map[string]Record{
		"file": fileRecord(1, noon), "gap": gapRecord(2, noon), "redacted": redactedRecord(3),
		"heartbeat": heartbeatRecord(4), "key": keyRecord(5, key, testKey(2)),
	} {
		good := sealed(t, signedBy(t, key, record), "")
		changed := 0
		for i := 0; i < len(good); i += step {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			r, err := Decode(bad)
			if err != nil {
				continue
			}
			changed++
			if r.Verify(public(key)) == nil && r.KeyID == KeyID(public(key)) {
				t.Errorf("%s: a changed byte %d (%.20q) is not seen", name, i, bad[i:])
			}
		}
		if changed < 100/step {
			t.Errorf("%s: only %d changes make a record", name, changed)
		}
	}
}

func TestSignatureOfAnotherEncoding(t *testing.T) {
	r := signedBy(t, testKey(1), fileRecord(1, noon))
	r.Source.Name = "audit\xff.log"
	must(t, func() error {
		c := open(t, t.TempDir(), Head{})
		c.SignWith(testKey(1))
		s, err := c.Seal(r)
		if err != nil {
			return err
		}
		data, err := c.Bytes(s.Seq)
		if err != nil {
			return err
		}
		got, err := Decode(data)
		if err != nil {
			return err
		}
		return got.Verify(public(testKey(1)))
	}())
}

func TestEndorsement(t *testing.T) {
	k := keyRecord(1, testKey(2), testKey(1)).Key
	if !k.EndorsedBy(public(testKey(1))) {
		t.Error("the key before it signed for it")
	}
	if k.EndorsedBy(public(testKey(2))) || k.EndorsedBy(public(testKey(3))) {
		t.Error("another key did not")
	}
	if first := keyRecord(1, testKey(2), nil).Key; first.EndorsedBy(public(testKey(2))) {
		t.Error("nobody did")
	}
	k.PublicKey = keyRecord(1, testKey(3), nil).Key.PublicKey
	if k.EndorsedBy(public(testKey(1))) {
		t.Error("the endorsement is of another key")
	}
}

func TestStored(t *testing.T) {
	plain, redacted, gap := fileRecord(1, noon), redactedRecord(2), gapRecord(3, noon)
	if got := plain.Stored(); got.SHA256 != plain.Source.SHA256 || got.Size != plain.Source.Size {
		t.Errorf("plain: %+v", got)
	}
	if got := redacted.Stored(); got != *redacted.Content {
		t.Errorf("redacted: %+v", got)
	}
	if got := gap.Stored(); got != (Content{}) {
		t.Errorf("gap: %+v", got)
	}
}

func TestBlind(t *testing.T) {
	a, b := Blind([]byte("key"), sum(1)), Blind([]byte("key"), sum(2))
	if a == b || a == Blind([]byte("other"), sum(1)) || a != Blind([]byte("key"), sum(1)) || !validSum.MatchString(a) {
		t.Errorf("%s, %s", a, b)
	}
}
