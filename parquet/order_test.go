package parquet

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// The order of a file of hardly anything but newlines takes many times its size.
func TestConvertRefusesTooManyLines(t *testing.T) {
	lim := tinyLimits()
	lim.sort.Spill = 4 << 10
	lines := 20_000
	if testing.Short() {
		lines /= 4
		lim.sort.Spill /= 4
	}
	for name, c := range map[string]struct {
		line string
		want error
	}{
		"empty lines":     {"\n", ErrTooManyLines},
		"short lines":     {"ab\n", ErrTooManyLines},
		"lines of text":   {"a line of some words\n", nil},
		"the least event": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1"}` + "\n", nil},
	} {
		source := strings.Repeat(c.line, lines)
		dir := t.TempDir()
		_, err := convert(t.Context(), strings.NewReader(source), int64(len(source)), Config{Meta: testMeta(), Dir: dir}, lim)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || c.want != nil && len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}

// The parts of a broken line may be many and close together.
func TestOrderOfPartsIsNotTooMuch(t *testing.T) {
	lim := tinyLimits()
	lim.sort.Spill = 1 << 10
	source := strings.Repeat(strings.Repeat(`{"kind":"Event","apiVersion":"audit.k8s.io/v1"}`, 500)+"\n", 20)
	roundTrip(t, []byte(source), lim)
}

// TestConvertNoticesAWrongSample has lines that look canonical at both ends.
func TestConvertNoticesAWrongSample(t *testing.T) {
	line := strings.TrimSpace(canonicalLine)
	for name, source := range map[string]string{
		"glued":              line + line + "\n" + line + "\n",
		"another name":       strings.Replace(line, `"name":"p","uid"`, `"name":"p","name":"q","uid"`, 1) + "\n",
		"a second time":      line[:len(line)-1] + `,"stageTimestamp":"2026-11-24T16:59:23.525775Z"}` + "\n",
		"time in a note":     strings.Replace(line, `"authorization.k8s.io/decision":"allow",`, `"a":"b","stageTimestamp":"2026-11-25T16:59:23.525775Z",`, 1) + "\n",
		"a note's day":       strings.Replace(line, `"authorization.k8s.io/decision":"allow",`, `"a":"b","stageTimestamp":"2026-11-23T16:59:23.525775Z",`, 1) + "\n",
		"a second objectRef": strings.Replace(line, `"responseStatus":{"metadata"`, `"objectRef":{"resource":"x"},"responseStatus":{"metadata"`, 1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			line := []byte(strings.SplitN(source, "\n", 2)[0])
			if _, _, ok := new(auditline.Sampler).Sample(line); !ok {
				t.Fatal("does not look canonical")
			}
			res := roundTrip(t, []byte(source), defaultLimits())
			careful := convertCarefully(t, source, Config{Meta: testMeta(), Dir: t.TempDir()})
			if got, want := res.Objects[0].SHA256, careful.Objects[0].SHA256; got != want {
				t.Errorf("object differs from the one made without samples")
			}
		})
	}
}

// The rows of each day are in order for themselves: a file of several days is
// converted with its samples, once.
func TestSamplesOfSeveralDays(t *testing.T) {
	source := strings.Replace(lineOf(-1), `"name":"p"`, `"name":"z"`, 1) + lineOf(0)
	src, size, cfg, lim := strings.NewReader(source), int64(len(source)), Config{Meta: testMeta(), Dir: t.TempDir()}, defaultLimits()
	d, err := digestOf(t.Context(), src, size, cfg, lim)
	if err != nil {
		t.Fatal(err)
	}
	c := newConversion(src, size, d, cfg, lim)
	c.samples = true
	if err := c.run(t.Context()); err != nil || len(c.result.Objects) != 2 {
		t.Errorf("%d objects, %v", len(c.result.Objects), err)
	}
}

// convertCarefully converts without samples.
func convertCarefully(t *testing.T, source string, cfg Config) Result {
	t.Helper()
	src, size, lim := strings.NewReader(source), int64(len(source)), defaultLimits()
	d, err := digestOf(t.Context(), src, size, cfg, lim)
	if err != nil {
		t.Fatal(err)
	}
	c := newConversion(src, size, d, cfg, lim)
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.result
}
