package main

import (
	"errors"
	"fmt"
	"os"
)

// pageFile is a page with rows of the table.
type pageFile struct {
	path   string // empty: none
	update bool   // write the measured rows into it
}

// compare is an error if rows of the page differ from the measured ones, unless it
// is to be updated.
func (p pageFile) compare(f figures) error {
	if p.path == "" {
		return nil
	}
	text, err := os.ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("read the page to compare with: %w", err)
	}
	page := string(text)
	if !p.update {
		if err := f.agree(page); err != nil {
			return errors.Join(fmt.Errorf("%s differs from the figures above; write them with: make demo UPDATE=1", p.path), err)
		}
		return nil
	}
	if updated := f.update(page); updated != page {
		return os.WriteFile(p.path, []byte(updated), 0o644)
	}
	return nil
}
