package rowsort

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// writeRefs writes sorted rows. Each is stored as its differences to the
// previous one, and a key only where it changes.
func writeRefs(w *bufio.Writer, refs []Ref, keys [][]byte) error {
	var prev Ref
	var buf []byte
	for i, r := range refs {
		buf = append(buf[:0], 0)
		if i == 0 || r.key != prev.key {
			buf = binary.AppendUvarint(buf[:0], uint64(len(keys[r.key]))+1)
			buf = append(buf, keys[r.key]...)
		}
		buf = binary.AppendVarint(buf, int64(r.Day-prev.Day))
		buf = binary.AppendVarint(buf, r.Time-prev.Time) // wraps around for NoTime, and back again
		buf = binary.AppendVarint(buf, int64(r.Line)-int64(prev.Line))
		buf = binary.AppendVarint(buf, r.Offset-prev.Offset)
		buf = binary.AppendUvarint(buf, uint64(r.Size))
		buf = binary.AppendUvarint(buf, uint64(r.Part))
		if _, err := w.Write(buf); err != nil {
			return err
		}
		prev = r
	}
	return nil
}

// refRun reads one run of rows back.
type refRun struct {
	r    *bufio.Reader
	head Ref
	key  []byte
}

func (u *refRun) advance() error {
	n, err := binary.ReadUvarint(u.r)
	if err != nil {
		return err // io.EOF where the run ends
	}
	if n > 0 {
		u.key = slices.Grow(u.key[:0], int(n-1))[:n-1]
		if _, err := io.ReadFull(u.r, u.key); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	var d [4]int64
	for i := range d {
		if d[i], err = binary.ReadVarint(u.r); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	var v [2]uint64
	for i := range v {
		if v[i], err = binary.ReadUvarint(u.r); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	u.head.Day += int32(d[0])
	u.head.Time += d[1]
	u.head.Line += uint32(d[2])
	u.head.Offset += d[3]
	u.head.Size, u.head.Part = uint32(v[0]), uint32(v[1])
	return nil
}

func (u *refRun) compare(v *refRun) int {
	return cmp.Or(cmp.Compare(u.head.Day, v.head.Day), bytes.Compare(u.key, v.key), compareRefs(u.head, v.head))
}
