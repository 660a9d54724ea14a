package rotate

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestMark(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 100)
	for _, c := range []struct {
		name, marked, now string
		n                 int
		want              bool
	}{
		{"same", "abc\n", "abc\n", 4, true},
		{"grown", "abc\n", "abc\ndef\n", 4, true},
		{"other", "abc\n", "abd\n", 4, false},
		{"shorter", "abc\n", "abc", 4, false},
		{"emptied", "abc\n", "", 4, false},
		{"of nothing", "", "abc\n", 0, true},
		{"long", long, long + "x", MarkSize, true},
		{"differs behind the mark", long, long[:MarkSize] + "x", MarkSize, true},
		{"differs at its end", long, long[:MarkSize-1] + "x" + long, MarkSize, false},
	} {
		m, err := ReadMark(strings.NewReader(c.marked), 7)
		must(t, err)
		if m.N != c.n || m.Inode != 7 || m.Sum != sha256.Sum256([]byte(c.marked[:c.n])) {
			t.Errorf("%s: mark %+v", c.name, m)
		}
		if got, err := m.Matches(strings.NewReader(c.now)); got != c.want || err != nil {
			t.Errorf("%s: Matches = %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

type failingReaderAt struct{ err error }

func (f failingReaderAt) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestMarkReadError(t *testing.T) {
	broken := failingReaderAt{errors.New("broken disk")}
	if _, err := ReadMark(broken, 1); !errors.Is(err, broken.err) {
		t.Errorf("ReadMark: error %v", err)
	}
	if ok, err := (Mark{N: 1}).Matches(broken); ok || !errors.Is(err, broken.err) {
		t.Errorf("Matches: %v, error %v", ok, err)
	}
	for _, n := range []int{-1, MarkSize + 1} {
		if ok, err := (Mark{N: n}).Matches(strings.NewReader("")); ok || err == nil {
			t.Errorf("N %d: Matches = %v, %v; want an error", n, ok, err)
		}
	}
}

func TestMarkJSON(t *testing.T) {
	m, err := ReadMark(strings.NewReader("abc"), 1<<63)
	must(t, err)
	data, err := json.Marshal(m)
	must(t, err)
	const want = `{"inode":9223372036854775808,"n":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	var back Mark
	must(t, json.Unmarshal(data, &back))
	if back != m {
		t.Errorf("got %+v, want %+v", back, m)
	}
}

func TestMarkJSONErrors(t *testing.T) {
	sum := strings.Repeat("00", 32)
	for _, text := range []string{
		`"x"`, `{"n":1,"sha256":"zz"}`, `{"n":1,"sha256":"00"}`, `{"n":1}`,
		`{"n":-1,"sha256":"` + sum + `"}`, `{"n":1025,"sha256":"` + sum + `"}`, `{"inode":-1,"sha256":"` + sum + `"}`,
	} {
		if err := json.Unmarshal([]byte(text), new(Mark)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}
