package rowread

import (
	"errors"
	"strings"
	"testing"
)

// panics is a reader with a bug.
type panics struct{}

func (panics) ReadAt([]byte, int64) (int, error) { panic("a bug") }

func TestAPanicIsABug(t *testing.T) {
	if _, err := Open(panics{}, 100); !errors.Is(err, ErrBug) || errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), "panics.ReadAt") {
		t.Errorf("a panic is %v", err)
	}
}
