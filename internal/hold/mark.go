package hold

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// readMark identifies the file at path by its first bytes.
func readMark(path string) (ledger.Mark, error) {
	head, err := readPart(path, 0, ledger.MarkSize)
	return ledger.MarkOf(head), err
}

// begins says whether the file at path still begins as the mark says.
func begins(path string, mark ledger.Mark) (bool, error) {
	head, err := readPart(path, 0, min(int64(mark.N), ledger.MarkSize))
	return mark.N == 0 || ledger.MarkOf(head) == mark, err
}

// readTail identifies a file by its last bytes before size. It is zero if the file was cut
// right now: the next pass sees that.
func readTail(path string, size int64) (ledger.Tail, error) {
	n := min(size, ledger.MarkSize)
	end, err := readPart(path, size-n, n)
	if err != nil || int64(len(end)) < n {
		return ledger.Tail{}, err
	}
	return ledger.Tail{End: size, Mark: ledger.MarkOf(end)}, nil
}

// readEnds reads both.
func readEnds(path string, size int64) (mark ledger.Mark, tail ledger.Tail, err error) {
	if mark, err = readMark(path); err == nil {
		tail, err = readTail(path, size)
	}
	return mark, tail, err
}

// ends says whether the file at path, which is no shorter, still has the tail where it was.
func ends(path string, tail ledger.Tail) (bool, error) {
	if tail.N == 0 {
		return true, nil
	}
	now, err := readTail(path, tail.End)
	return now == tail || now == ledger.Tail{}, err
}

// readPart reads n bytes of the file at path from an offset on, or as many as there are.
func readPart(path string, from, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identify a file: %w", err)
	}
	part, err := io.ReadAll(io.NewSectionReader(f, from, n))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("identify a file: %w", err)
	}
	return part, nil
}

// unpacksTo says whether the compressed file at path has the bytes of a mark at its
// beginning, and at least n bytes. A damaged or vanished one has not: the shipper says
// what happened to it.
func unpacksTo(path string, mark ledger.Mark, least int64) (bool, error) {
	r, err := rotate.Open(path, true)
	if _, disk := errors.AsType[*fs.PathError](err); disk && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("identify a compressed file: %w", err)
	}
	if err != nil {
		return false, nil
	}
	defer r.Close()
	head := make([]byte, max(1, min(mark.N, ledger.MarkSize)))
	n, _ := io.ReadFull(r, head) // fewer if it is damaged
	if ledger.MarkOf(head[:n]) != mark {
		return false, nil
	}
	rest, _ := io.CopyN(io.Discard, r, max(0, least-int64(n)))
	return int64(n)+rest >= least, nil
}
