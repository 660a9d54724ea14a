package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// stage is a part of the conversion by the functions it is made of.
type stage struct {
	name string
	add  []string // functions whose cumulative time counts
	less []string // functions within those that count elsewhere
}

// stages returns the parts of a conversion and of its check.
func stages() []stage {
	const (
		hash      = "crypto/internal/fips140/sha256.(*Digest).Write"
		endStream = "github.com/klauspost/compress/zstd.(*Encoder).Close"
		line      = "internal/auditline."
		file      = "parquet/internal/objectfile."
		sorted    = "parquet/internal/rowsort."
	)
	return []stage{
		{"read the source in order", []string{"parquet.(*lineReader).next"}, nil},
		{"SHA-256 of the source", []string{hash}, nil},
		{"sort keys, index, sort", []string{"parquet.(*conversion).indexLine", sorted + "(*Index).Sorted"}, nil},
		{"read lines in sorted order", []string{sorted + "(*Fetcher).Row"}, nil},
		{"scan", []string{line + "(*Decoder).Line"}, nil},
		{"prove", []string{line + "(*Rebuilder).Proves"}, nil},
		{"dictionaries and columns", []string{file + "(*Writer).addEvent", file + "(*Writer).addOrigin"}, []string{file + "(*pageStream).add"}},
		{"pages, bloom filters, bounds", []string{file + "(*Writer).Add", file + "(*Writer).finish"},
			[]string{file + "(*Writer).addEvent", file + "(*Writer).addOrigin", file + "(*Codec).encode", endStream}},
		{"check: read rows", []string{"parquet/internal/rowread.(*Reader).Next"}, nil},
		{"check: rebuild and hash lines", []string{"parquet.(*lineCheck).Add"}, nil},
		{"zstd", []string{file + "(*Codec).encode", file + "(*pageStream).add", endStream}, nil},
	}
}

// profile returns the share of each stage in the CPU time of the profiles.
func profile(binary string, profiles []string) (map[string]float64, error) {
	out, err := exec.Command("go", append([]string{"tool", "pprof", "-top", "-cum", "-nodecount=5000", "-nodefraction=0", binary}, profiles...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	cum, total := map[string]float64{}, 0.0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.HasSuffix(f[4], "%") {
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(f[4], "%"), 64)
		if err != nil {
			continue
		}
		name := strings.TrimPrefix(f[5], "github.com/auditsidecar/auditsidecar/")
		cum[name] = percent
		total = max(total, percent)
	}
	shares, rest := map[string]float64{}, 100.0
	for _, s := range stages() {
		share := 0.0
		for _, n := range s.add {
			share += cum[n]
		}
		for _, n := range s.less {
			share -= cum[n]
		}
		shares[s.name] = max(share, 0)
		rest -= shares[s.name]
	}
	shares["the rest (runtime, write, fsync)"] = max(rest, 0)
	return shares, nil
}
