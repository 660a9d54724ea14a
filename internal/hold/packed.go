package hold

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// finishPacked notes segments that were rotated and compressed between two
// passes (--audit-log-compress): the listing has neither their inode nor their
// name, but a .log.gz with their bytes. It is the same segment, held already.
func (h *Hold) finishPacked(l *look) (changed bool, err error) {
	for _, s := range l.listed {
		if !s.Gzip || l.entryOf(s) != nil {
			continue
		}
		e, err := h.unpackedOf(l, s)
		if err != nil {
			return changed, err
		}
		if e == nil {
			continue
		}
		if err := h.finish(e, s.Name, rotate.Segment{Name: s.Name, Rotated: s.Rotated}); err != nil {
			return changed, err
		}
		l.byName[s.Name], changed = e, true
	}
	return changed, nil
}

// unpackedOf finds the unfinished segment whose first bytes a compressed
// backup has; nil where there is none.
func (h *Hold) unpackedOf(l *look, s rotate.Segment) (*ledger.Entry, error) {
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || e.Gzip || !h.isHeld(e.ID) || l.listedInode(e.Inode) {
			continue
		}
		mark := e.Mark
		if path := h.at(e.ID); path != "" { // else it is open here, without a name
			var err error
			if mark, err = readMark(path); err != nil {
				return nil, err
			}
		}
		head, err := packedMark(s.Path, max(mark.N, 1))
		if err != nil {
			return nil, err
		}
		if mark == head {
			return e, nil
		}
	}
	return nil, nil
}

// packedMark identifies a compressed file by its first unpacked bytes. The
// mark of a damaged or vanished one is no file's: the shipper says what is
// wrong with it.
func packedMark(path string, size int) (ledger.Mark, error) {
	r, err := rotate.Open(path, true)
	var disk *fs.PathError
	if errors.As(err, &disk) && !errors.Is(err, fs.ErrNotExist) {
		return ledger.Mark{}, fmt.Errorf("identify a compressed file: %w", err)
	}
	if err != nil {
		return ledger.Mark{N: -1}, nil
	}
	defer r.Close()
	head := make([]byte, size)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ledger.Mark{N: -1}, nil
	}
	mark, err := rotate.ReadMark(bytes.NewReader(head[:n]), 0)
	if err != nil {
		return ledger.Mark{}, fmt.Errorf("identify a compressed file: %w", err)
	}
	return ledger.Mark{N: mark.N, SHA256: hex.EncodeToString(mark.Sum[:])}, nil
}
