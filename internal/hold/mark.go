package hold

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// readMark identifies the file at path by its first bytes.
func readMark(path string) (ledger.Mark, error) {
	f, err := os.Open(path)
	if err != nil {
		return ledger.Mark{}, fmt.Errorf("identify a file: %w", err)
	}
	mark, err := rotate.ReadMark(f, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return ledger.Mark{}, fmt.Errorf("identify a file: %w", err)
	}
	return ledger.Mark{N: mark.N, SHA256: hex.EncodeToString(mark.Sum[:])}, nil
}

// begins says whether the file at path still begins as the mark says.
func begins(path string, mark ledger.Mark) (bool, error) {
	if mark.N == 0 {
		return true, nil // it was empty
	}
	sum, err := hex.DecodeString(mark.SHA256)
	if err != nil || len(sum) != len(rotate.Mark{}.Sum) {
		return false, nil //nolint:nilerr // no mark of any file
	}
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("identify a file: %w", err)
	}
	same, err := rotate.Mark{N: mark.N, Sum: [32]byte(sum)}.Matches(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("identify a file: %w", err)
	}
	return same, nil
}
