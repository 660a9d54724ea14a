package archivetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Store is an archive under test.
type Store struct {
	*archive.Bucket
	// Damage replaces the content of an object, without the store's knowledge:
	// its computed checksum of the object stays as it was.
	Damage func(key string, content []byte)
}

// Run runs the suite, its tests in parallel. open returns a new, empty archive
// for each of them.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Store)
	}{
		{"PutThenOpen", putThenOpen},
		{"ReadAt", readAt},
		{"I5_NeverOverwrites", neverOverwrites},
		{"I5_SameBytesAgain", sameBytesAgain},
		{"I5_OneOfManyWriters", oneOfManyWriters},
		{"I10_DamagedObjectIsNoSuccess", damagedObject},
		{"WrongChecksumLeavesNothing", wrongChecksum},
		{"ShortBodyLeavesNothing", shortBody},
		{"BrokenBodyLeavesNothing", brokenBody},
		{"ListIsSorted", listIsSorted},
		{"ListStopsEarly", listStopsEarly},
		{"ListManyPages", func(t *testing.T, b Store) { ListManyPages(t, b, 150) }},
		{"EmptyArchive", emptyArchive},
		{"MissingObject", missingObject},
		{"ImpossibleKeys", impossibleKeys},
		{"Canceled", canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// Content returns n bytes that depend on seed only.
func Content(n int, seed uint64) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0] = byte(seed)
	_, _ = rand.NewChaCha8(s).Read(b)
	return b
}

func put(t *testing.T, b Store, key string, content []byte) error {
	t.Helper()
	return b.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), sha256.Sum256(content))
}

func mustPut(t *testing.T, b Store, key string, content []byte) {
	t.Helper()
	if err := put(t, b, key, content); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, b Store, key string, want []byte) {
	t.Helper()
	o, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s holds %d bytes (%v), want %d others", key, len(got), err, len(want))
	}
}

func wantMissing(t *testing.T, b Store, key string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%s) = %v, want fs.ErrNotExist", key, err)
	}
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("the archive holds %q, want nothing", got)
	}
}

func keys(t *testing.T, b Store, prefix string) []string {
	t.Helper()
	var out []string
	for info, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Key)
	}
	return out
}

func putThenOpen(t *testing.T, b Store) {
	// The last one is larger than the SDK's smallest part: still one PUT.
	for i, size := range []int{0, 1, 4096, 6<<20 + 1} {
		key := fmt.Sprintf("data/cluster=c/dt=2026-01-02/x%d.parquet", i)
		content := Content(size, uint64(i))
		mustPut(t, b, key, content)
		wantContent(t, b, key, content)
		info, err := b.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if info.Key != key || info.Size != int64(size) || info.Modified.IsZero() ||
			info.SHA256 != nil && !bytes.Equal(info.SHA256, sum[:]) {
			t.Errorf("Stat = %+v, want size %d, SHA-256 %x or none", info, size, sum)
		}
	}
}

func neverOverwrites(t *testing.T, b Store) {
	first := []byte("first")
	mustPut(t, b, "manifests/k", first)
	for _, other := range []string{"other", "longer than the first", ""} {
		err := put(t, b, "manifests/k", []byte(other))
		var e *archive.Error
		if !errors.Is(err, archive.ErrConflict) || !errors.As(err, &e) || e.Key != "manifests/k" {
			t.Errorf("Put(%q) over %q = %v, want ErrConflict with the key", other, first, err)
		}
		if !archive.Permanent(err) {
			t.Errorf("%v is not permanent", err)
		}
	}
	wantContent(t, b, "manifests/k", first)
}

func sameBytesAgain(t *testing.T, b Store) {
	content := Content(100_000, 1)
	for range 3 {
		mustPut(t, b, "a/b/c", content)
	}
	if got := keys(t, b, ""); len(got) != 1 {
		t.Errorf("the archive holds %q, want one object", got)
	}
}

// damagedObject: earlier content of an object does not count when its bytes are
// others now. The same bytes can be stored as a copy, and from then on nothing
// is taken for stored unless it was read back.
func damagedObject(t *testing.T, b Store) {
	const key = "data/cluster=c/dt=2026-01-02/x.parquet"
	content := Content(50_000, 1)
	for name, damaged := range map[string][]byte{
		"one bit": append([]byte{content[0] ^ 1}, content[1:]...), "cut": content[:49_000], "empty": {}, "longer": append(slices.Clone(content), 0),
	} {
		key := key + name
		mustPut(t, b, key, content)
		b.Damage(key, damaged)
		if err := put(t, b, key, content); !errors.Is(err, archive.ErrConflict) || archive.ReasonOf(err) != archive.ReasonConflict {
			t.Errorf("%s: Put over the damaged object = %v, want ErrConflict", name, err)
		}
		if info, err := b.Stat(t.Context(), key); err != nil || info.SHA256 != nil {
			t.Errorf("%s: Stat = %x, %v, want no SHA-256: a read has contradicted the store's", name, info.SHA256, err)
		}
		mustPut(t, b, archive.NextCopy(key), content)
		wantContent(t, b, archive.NextCopy(key), content)
	}
}

func oneOfManyWriters(t *testing.T, b Store) {
	const writers = 6
	contents, results := make([][]byte, writers), make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		contents[i] = Content(50_000, uint64(i))
		wg.Go(func() { results[i] = put(t, b, "race/k", contents[i]) })
	}
	wg.Wait()
	winner := -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("writers %d and %d both stored other bytes under one key", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, archive.ErrConflict):
			t.Errorf("writer %d: %v, want ErrConflict", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("the object was not stored")
	}
	wantContent(t, b, "race/k", contents[winner])
}

func wrongChecksum(t *testing.T, b Store) {
	content := Content(1000, 1)
	err := b.Put(t.Context(), "k", bytes.NewReader(content), 1000, sha256.Sum256([]byte("something else")))
	if archive.ReasonOf(err) != archive.ReasonChecksum {
		t.Errorf("Put = %v (%s), want reason checksum", err, archive.ReasonOf(err))
	}
	wantMissing(t, b, "k")
	mustPut(t, b, "k", content)
}

func shortBody(t *testing.T, b Store) {
	content := Content(1000, 1)
	err := b.Put(t.Context(), "k", bytes.NewReader(content), 2000, sha256.Sum256(content))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Put of a body that is shorter than announced = %v, want io.ErrUnexpectedEOF", err)
	}
	wantMissing(t, b, "k")
}

// failingBody fails after its first bytes, as a bad disk would.
type failingBody struct{ good []byte }

var errBadSector = errors.New("bad sector")

// ReadAt reads from good and fails after it.
func (f failingBody) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.good)) {
		return 0, errBadSector
	}
	return copy(p, f.good[off:]), nil
}

func brokenBody(t *testing.T, b Store) {
	content := Content(200_000, 1)
	err := b.Put(t.Context(), "k", failingBody{content[:100_000]}, 200_000, sha256.Sum256(content))
	if !errors.Is(err, errBadSector) {
		t.Errorf("Put = %v, want the error of the body", err)
	}
	wantMissing(t, b, "k")
	mustPut(t, b, "k", content)
}

func listIsSorted(t *testing.T, b Store) {
	// '-' < '.' < '/' < digits < '=' < letters: directories must not be sorted
	// as if their name ended before the '/'.
	want := []string{"a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "a=1/z", "ab", "b"}
	for _, i := range []int{4, 0, 8, 2, 6, 1, 7, 3, 5} {
		mustPut(t, b, want[i], []byte(want[i]))
	}
	if got := keys(t, b, ""); !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	for _, prefix := range []string{"a", "a/", "a/b", "a/c", "a/c/d", "a/c/d/", "b", "zzz", "a=1/"} {
		var sub []string
		for _, k := range want {
			if strings.HasPrefix(k, prefix) {
				sub = append(sub, k)
			}
		}
		if got := keys(t, b, prefix); !slices.Equal(got, sub) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, sub)
		}
	}
	for from, left := range map[string]int{"": 9, "a/b": 6, "a/bb": 5, "a/c/e": 4, "b": 0, "c": 0} {
		var got []string
		for info, err := range b.ListAfter(t.Context(), "", func(string) string { return from }) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, info.Key)
		}
		if !slices.Equal(got, want[len(want)-left:]) {
			t.Errorf("ListAfter(%q) = %q", from, got)
		}
	}
	for info, err := range b.List(t.Context(), "a/c") {
		if err != nil || info.Size != int64(len("a/c/d")) || info.Modified.IsZero() {
			t.Errorf("List yields %+v, %v", info, err)
		}
	}
}

func listStopsEarly(t *testing.T, b Store) {
	for _, k := range []string{"a", "b/1", "b/2", "c"} {
		mustPut(t, b, k, nil)
	}
	seen := 0
	for _, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("saw %d objects, want to stop at 2", seen)
	}
}

// ListManyPages stores n objects and lists them. An answer of S3 has at most
// 1,000 keys.
func ListManyPages(t *testing.T, b Store, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				if err := put(t, b, fmt.Sprintf("m/%05d", i), []byte("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := keys(t, b, "m/")
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("List yields %d objects (sorted: %v), want %d", len(got), slices.IsSorted(got), n)
		return
	}
	late, seen := got[n/2-1], 0 // after whole pages that are not wanted
	for info, err := range b.ListAfter(t.Context(), "m/", func(string) string { return late }) {
		if err != nil || info.Key != got[n/2+seen] {
			t.Fatalf("%q, %v; want %q", info.Key, err, got[n/2+seen])
		}
		seen++
	}
	if seen != n-n/2 {
		t.Errorf("ListAfter(%q) yields %d objects of %d", late, seen, n-n/2)
	}
}

func emptyArchive(t *testing.T, b Store) {
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("an empty archive lists %q", got)
	}
}

func missingObject(t *testing.T, b Store) {
	mustPut(t, b, "a/b", nil)
	for _, key := range []string{"no", "a", "a/b/c", "a/bb"} {
		if o, err := b.Open(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%s) = %v, %v, want fs.ErrNotExist", key, o, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%s) = %v, want fs.ErrNotExist", key, err)
		}
	}
}

func impossibleKeys(t *testing.T, b Store) {
	for _, key := range []string{"", "/a", "a/", "a//b", ".", "../a", "a/../../b", "a\x00b", "a\nb", "a\xff", strings.Repeat("k", 1000)} {
		if err := put(t, b, key, nil); err == nil {
			t.Errorf("Put(%q) succeeded", key)
		}
		if _, err := b.Open(t.Context(), key); err == nil {
			t.Errorf("Open(%q) succeeded", key)
		}
	}
	for _, err := range b.List(t.Context(), "../") {
		if err == nil {
			t.Error("List(../) left the archive")
		}
	}
}

func canceled(t *testing.T, b Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := Content(1000, 1)
	err := b.Put(ctx, "k", bytes.NewReader(content), 1000, sha256.Sum256(content))
	if !errors.Is(err, context.Canceled) || archive.ReasonOf(err) != archive.ReasonCanceled {
		t.Errorf("Put = %v (%s), want context.Canceled", err, archive.ReasonOf(err))
	}
	wantMissing(t, b, "k")
}
