package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Check compares a pack with SHA256SUMS, verifies its records, and makes its pages again. Keys and
// fingerprint are from elsewhere than the pack; without them it is only compared with itself. It
// returns the faults; an error means that the pack could not be read. It writes nothing.
func Check(ctx context.Context, dir string, keys []manifest.TrustedKey, fingerprint string) (faults []string, err error) {
	fault := func(format string, args ...any) {
		faults = append(faults, archive.Printable(fmt.Sprintf(format, args...)))
	}
	sums, err := sumsOf(dir) // first: it refuses links and pipes
	if err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(dir, sumsFile))
	if err != nil {
		return nil, fmt.Errorf("read the pack: %w", err)
	}
	defer file.Close()
	list, err := io.ReadAll(io.LimitReader(file, int64(2*len(sums)+1<<20))) // a longer one has faults, too
	if err != nil {
		return nil, fmt.Errorf("read the pack: %w", err)
	}
	if sum := manifest.Sum(list); fingerprint != "" && fingerprint != sum {
		fault("%s: its SHA-256 is %s, and not the fingerprint %s", sumsFile, sum, fingerprint)
	}
	lines := make(map[string]int)
	for line := range strings.Lines(string(sums)) {
		lines[line]++
	}
	for line := range strings.Lines(string(list)) {
		lines[line]--
	}
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		if lines[line] > 0 {
			fault("%s: not as %s has it; its SHA-256 is %.64s", strings.TrimSpace(line[66:]), sumsFile, line)
		} else if lines[line] < 0 {
			fault("%s: no file is as its line %q", sumsFile, line)
		}
	}
	if len(faults) == 0 && !bytes.Equal(sums, list) {
		fault("%s: not sorted by name", sumsFile)
	}
	more, err := checkPages(ctx, dir, keys)
	if err != nil {
		fault("the pages cannot be compared: %v", err)
	}
	for _, text := range more {
		fault("%s", text)
	}
	return faults, nil
}

// checkPages verifies the records and compares the pages.
func checkPages(ctx context.Context, dir string, given []manifest.TrustedKey) (faults []string, err error) {
	known := map[string]bool{statementFile: true, keyFile: true, verifierFile: true, sumsFile: true}
	f, err := pages(ctx, dir, func(name string, content io.Reader) error {
		known[name] = true
		want := sha256.New()
		_, err := io.Copy(want, content)
		if sum, readErr := sumOf(dir, name); readErr != nil || sum != hex.EncodeToString(want.Sum(nil)) { // a missing one is a fault
			faults = append(faults, name+": it does not follow from the records, the statement and the keys of the pack")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		faults = append(faults, fmt.Sprintf("(the pages are those of %q: another version may write others)", f.Report.Program))
	}
	names, err := filesOf(dir)
	for _, name := range names {
		of, copied := strings.CutPrefix(name, archiveDir+"/")
		key, _ := archive.ParseKey(of)
		copied = copied && (key.Kind == archive.KindManifest || key.Kind == archive.KindRollup)
		if a := f.Report.Asked; !known[name] && !(copied && (a.Cluster == "" || a.Cluster == key.Cluster) && (a.Node == "" || a.Node == key.Node)) {
			faults = append(faults, name+": no file of a pack has this name")
		}
	}
	faults = append(faults, f.Faults...)
	for _, key := range f.Keys {
		if len(given) > 0 && !slices.Contains(given, key) {
			faults = append(faults, fmt.Sprintf("%s: %s, with these bounds, is not among the keys that were given", keyFile, key.Vkey))
		}
	}
	if len(given) > 0 && len(f.Keys) == 0 {
		faults = append(faults, keyFile+": missing, and keys were given: the records were not compared with these")
	}
	if f.Level == levelBad {
		faults = append(faults, "its cover page says: "+f.Verdict)
	}
	return faults, err
}

// sumsOf returns the content of SHA256SUMS: the hash and the name of each other file, by name.
func sumsOf(dir string) ([]byte, error) {
	var list bytes.Buffer
	names, err := filesOf(dir)
	for _, name := range names {
		if name != sumsFile && err == nil {
			var sum string
			sum, err = sumOf(dir, name)
			fmt.Fprintf(&list, "%s  %s\n", sum, name)
		}
	}
	return list.Bytes(), err
}

// filesOf lists the files below a directory, sorted. Nothing but files and directories may be there.
func filesOf(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a directory", path)
		}
		name, err := filepath.Rel(dir, path)
		if err == nil && archive.Printable(name) != name {
			return fmt.Errorf("%q has a character that no file of a pack has in its name", path)
		}
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the pack: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

func sumOf(dir, name string) (string, error) {
	file, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return "", fmt.Errorf("read the pack: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read the pack: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
