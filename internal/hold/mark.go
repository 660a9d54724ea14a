package hold

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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

// readTail identifies a file by its last bytes before size.
func readTail(path string, size int64) (ledger.Tail, error) {
	f, err := os.Open(path)
	if err != nil {
		return ledger.Tail{}, fmt.Errorf("identify a file: %w", err)
	}
	end := make([]byte, min(size, rotate.MarkSize))
	n, err := f.ReadAt(end, size-int64(len(end)))
	if err = errors.Join(err, f.Close()); err != nil && n < len(end) {
		if errors.Is(err, io.EOF) {
			return ledger.Tail{}, nil // it was cut right now: the next pass sees that
		}
		return ledger.Tail{}, fmt.Errorf("identify a file: %w", err)
	}
	sum := sha256.Sum256(end)
	return ledger.Tail{End: size, Mark: ledger.Mark{N: len(end), SHA256: hex.EncodeToString(sum[:])}}, nil
}

// ends says whether the file at path, which is no shorter, still has the tail where it was.
func ends(path string, tail ledger.Tail) (bool, error) {
	if tail.N == 0 {
		return true, nil
	}
	now, err := readTail(path, tail.End)
	return now == tail || now == ledger.Tail{}, err
}
