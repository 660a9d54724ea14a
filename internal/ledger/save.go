package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// save writes the table, and keeps it only when it is on disk. With thousands of
// files waiting nearly all of it is as it was: unchanged entries are not
// encoded again.
func (f *file) save(t table) error {
	lines, err := encode(t, f.lines)
	if err != nil {
		return fmt.Errorf("encode the ledger: %w", err)
	}
	data, err := join(t, lines)
	if err != nil {
		return fmt.Errorf("encode the ledger: %w", err)
	}
	if err := f.fs.WriteFile(f.path, data, 0o600); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	t.changed = nil
	f.table, f.lines = t, lines
	return nil
}

// encode returns the entries of the table as they are in the file; known has
// those that are there already.
func encode(t table, known map[string][]byte) (map[string][]byte, error) {
	lines := make(map[string][]byte, len(t.Entries))
	for i := range t.Entries {
		e := &t.Entries[i]
		line, ok := known[e.ID]
		if !ok || t.changed[e.ID] {
			var err error
			if line, err = json.Marshal(e); err != nil {
				return nil, err
			}
		}
		lines[e.ID] = line
	}
	return lines, nil
}

// join makes the file: one line for each entry.
func join(t table, lines map[string][]byte) ([]byte, error) {
	entries := t.Entries
	t.Entries = nil
	head, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return append(head, '\n'), nil
	}
	size := len(head)
	for _, line := range lines {
		size += len(line) + len(",\n")
	}
	b := bytes.NewBuffer(make([]byte, 0, size+64))
	b.Write(bytes.TrimSuffix(head, []byte("}")))
	b.WriteString(",\n\"segments\":[")
	for i := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(lines[entries[i].ID])
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}
