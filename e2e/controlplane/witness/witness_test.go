package witness

import (
	"os"
	"path/filepath"
	"testing"
)

// Bytes written when Size is called are in it, whenever the witness looked last.
func TestSizeLooksOnceMore(t *testing.T) {
	dir := t.TempDir()
	w, err := Start(t.Context(), dir, filepath.Join(t.TempDir(), "links"))
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "audit.log")
	for n := range 100 {
		if err := os.WriteFile(log, []byte("line\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if size, err := w.Size(); err != nil || size != int64(5*(n+1)) {
			t.Fatalf("after %d files: %d bytes, %v", n+1, size, err)
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
	if content, err := w.Stop(); err != nil || len(content) != 500 || w.Files() != 100 {
		t.Errorf("%d bytes in %d files, %v", len(content), w.Files(), err)
	}
}
