package parquet

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestPrefixHash(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 30)
	for _, piece := range []int{1, 7, 100, 300} {
		for prefix := range len(text) + 20 {
			h := NewPrefixHash(int64(prefix))
			for rest := text; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				_, _ = h.Write(rest[:min(piece, len(rest))])
			}
			got, complete := h.Prefix()
			if want := sha256.Sum256(text[:min(prefix, len(text))]); got != want || complete != (prefix <= len(text)) {
				t.Errorf("prefix %d in pieces of %d: %x, complete %t; want %x", prefix, piece, got, complete, want)
			}
			if got := [sha256.Size]byte(h.Sum(nil)); got != sha256.Sum256(text) {
				t.Errorf("prefix %d in pieces of %d: the whole is %x", prefix, piece, got)
			}
		}
	}
}

func TestConvertHashesLinesAndPrefix(t *testing.T) {
	for _, name := range []string{"torn-line.log", "nul-hole.log"} {
		log := audittest.Corpus(t, name)
		for i, prefix := range []int{1, len(log) / 3, len(log) + 1, 0, readSize, len(log)} {
			if testing.Short() && i > 2 {
				break // the others are neighbours of these
			}
			result, err := Convert(t.Context(), bytes.NewReader(log), int64(len(log)),
				Config{Dir: t.TempDir(), Meta: Meta{Epoch: "e"}, Prefix: int64(prefix), Root: true})
			if err != nil {
				t.Fatal(err)
			}
			if want := sha256.Sum256(log[:min(prefix, len(log))]); result.PrefixSHA256 != want {
				t.Errorf("%s: the SHA-256 of the first %d bytes is %x, want %x", name, prefix, result.PrefixSHA256, want)
			}
			lines := bytes.Split(bytes.TrimSuffix(log, []byte("\n")), []byte("\n"))
			if want := referenceRoot(t, lines); result.Root != want {
				t.Errorf("%s: the root is %x, want %x", name, result.Root, want)
			}
		}
	}
}
