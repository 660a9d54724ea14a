// Package terminal writes for people at a terminal: colour, the width to
// break lines at, and progress. In a pipe it changes and shows nothing.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Is reports whether w is a terminal.
func Is(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Widest is the longest line that is still easy to read.
const Widest = 120

// Width returns the width to break lines at; 0 if out is not a terminal.
func Width(out io.Writer) int {
	if !Is(out) {
		return 0
	}
	width, _, err := term.GetSize(int(out.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return min(width, Widest)
}
