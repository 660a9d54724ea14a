package verify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// newTrustedKey takes a vkey without bounds.
func newTrustedKey(vkey string) (manifest.TrustedKey, error) {
	if strings.HasPrefix(vkey, "PRIVATE+KEY+") {
		return manifest.TrustedKey{}, errors.New("it holds a private key, which stays on its node: give the file that ends in .vkey")
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return manifest.TrustedKey{}, fmt.Errorf("%.200q is not a vkey: %w", vkey, err)
	}
	return manifest.TrustedKey{Vkey: vkey}, nil
}

// ReadTrustedKeys reads the keys of a file, or of all files in a directory whose names
// end in .vkey. A key is a line; the lines "from N" and "until N" after it bound the
// numbers of the records that it may sign. Empty lines and lines that begin with # do
// not count.
func ReadTrustedKeys(path string) ([]manifest.TrustedKey, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.vkey")); err != nil || len(files) == 0 {
			return nil, fmt.Errorf("read the keys: no file in %s ends in .vkey", path)
		}
	}
	var keys []manifest.TrustedKey
	for _, file := range files {
		data, err := durable.ReadKeyFile(file, false)
		if err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		some, err := parseTrustedKeys(string(data))
		if err != nil {
			return nil, fmt.Errorf("read the keys of %s: %w", file, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

func parseTrustedKeys(text string) (keys []manifest.TrustedKey, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, digits, bound := strings.Cut(line, " ")
		number, numErr := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case bound && len(keys) > 0 && slices.Contains([]string{"from", "until"}, word) && numErr == nil && number > 0:
			bounds := map[string]*int64{"from": &keys[len(keys)-1].From, "until": &keys[len(keys)-1].Until}
			*bounds[word] = number
		default:
			key, err := newTrustedKey(line)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no vkey in it")
	}
	return keys, nil
}

// checkNodes reports nodes with a key and without a record.
func checkNodes(v *verification) {
	seen := make(map[string]bool)
	for _, l := range v.logs {
		seen[manifest.KeyName(l.cluster, l.node)] = true
	}
	for _, key := range v.opt.Keys {
		name, _, _ := strings.Cut(key.Vkey, "+")
		parts := strings.Split(name, "/")
		if len(parts) != 3 || manifest.KeyName(parts[1], parts[2]) != name {
			v.found.note("the key %q is not a node's: keygen makes them", name)
			continue
		}
		cluster, node := parts[1], parts[2]
		if seen[name] || v.opt.Cluster != "" && v.opt.Cluster != cluster || v.opt.Node != "" && v.opt.Node != node {
			continue
		}
		seen[name] = true
		v.found.find(Finding{Kind: KindNodeMissing, Cluster: cluster, Node: node, From: v.opt.From, To: v.opt.To,
			Detail: "a key of this node was given, and no record of it is there: all were removed, or it never archived here (leave its key out then)"})
	}
}
