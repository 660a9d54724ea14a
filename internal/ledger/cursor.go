package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// CursorName is the cursor's name in the state directory.
const CursorName = "cursor.json"

// Cursor is how far Loki has accepted the log. Everything before it was
// accepted, or dropped with a counted reason; nothing after it is known to be.
type Cursor struct {
	// Segment is the ledger ID of the segment.
	Segment string `json:"segment"`
	// Offset of the first byte that was not accepted, in unpacked bytes.
	Offset int64 `json:"offset"`
	// Line is the number of lines before Offset.
	Line int64 `json:"line"`
	// Cuts is [Entry.Cuts] of the file that the position is in.
	Cuts int64 `json:"cuts,omitempty"`
	// Timestamp of the last accepted entry: a line that has none of its own
	// takes its predecessor's, and must take the same one on a retry.
	Timestamp time.Time `json:"timestamp,omitzero"`
}

func (c Cursor) valid() bool { return c.Segment != "" && c.Offset >= 0 && c.Line >= 0 }

// CursorFile keeps a [Cursor] in a state directory.
type CursorFile struct {
	fs   durable.FS
	path string
}

// NewCursorFile names the cursor of a state directory; it reads nothing yet.
func NewCursorFile(fsys durable.FS, dir string) *CursorFile {
	return &CursorFile{fs: fsys, path: filepath.Join(dir, CursorName)}
}

// Load returns the cursor; the zero Cursor if there is no file. A file that
// is not a cursor is set aside and reported in aside: later lines are streamed
// again, which Loki hides.
func (c *CursorFile) Load(now time.Time) (cursor Cursor, aside string, err error) {
	data, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Cursor{}, "", nil
	}
	if err != nil {
		return Cursor{}, "", fmt.Errorf("read the Loki cursor: %w", err)
	}
	if json.Unmarshal(data, &cursor) == nil && cursor.valid() {
		return cursor, "", nil
	}
	if aside, err = c.fs.SetAside(c.path, now); err != nil {
		return Cursor{}, "", fmt.Errorf("set the unreadable Loki cursor aside: %w", err)
	}
	return Cursor{}, aside, nil
}

// Store makes the cursor durable. One that Load would not take, the zero
// Cursor among them, is an error and changes nothing.
func (c *CursorFile) Store(cursor Cursor) error {
	if !cursor.valid() {
		return fmt.Errorf("store the Loki cursor: segment %q, offset %d, line %d is no position", cursor.Segment, cursor.Offset, cursor.Line)
	}
	data, err := json.Marshal(cursor)
	if err != nil {
		return fmt.Errorf("encode the Loki cursor: %w", err)
	}
	if err := c.fs.WriteFile(c.path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the Loki cursor: %w", err)
	}
	return nil
}
