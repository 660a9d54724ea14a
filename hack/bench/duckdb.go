package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed duckdb.mjs
var duckdbScript []byte

const duckdbPackage = "@duckdb/node-api@1.5.6-r.1"

// duckdb is the reference that npm provides.
type duckdb struct {
	node, script string
}

// installDuckDB installs DuckDB into the cache directory, once.
func installDuckDB(cache string) (*duckdb, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errors.New("no node")
	}
	dir := filepath.Join(cache, "duckdb")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cache: %w", err)
	}
	d := &duckdb{node: node, script: filepath.Join(dir, "duckdb.mjs")}
	if err := os.WriteFile(d.script, duckdbScript, 0o644); err != nil {
		return nil, fmt.Errorf("write script: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@duckdb", "node-api")); err == nil {
		return d, nil
	}
	npm := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", dir, duckdbPackage)
	if out, err := npm.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm install: %w: %s", err, out)
	}
	return d, nil
}

// copyTo lets DuckDB convert a file and returns the CPU seconds of the COPY
// alone, without the start of the process.
func (d *duckdb) copyTo(in, out, order string) (usage, error) {
	u, answer, err := run(nil, d.node, d.script, "copy", in, out, order)
	if err != nil {
		return usage{}, err
	}
	var r struct{ CPU float64 }
	if err := json.Unmarshal(answer, &r); err != nil {
		return usage{}, fmt.Errorf("read answer: %w", err)
	}
	u.cpu = r.CPU
	return u, nil
}

// queries returns the bytes that each query reads from each file.
func (d *duckdb) queries(files ...string) (map[string][]int64, error) {
	_, answer, err := run(nil, d.node, append([]string{d.script, "queries"}, files...)...)
	if err != nil {
		return nil, err
	}
	var r map[string][]int64
	if err := json.Unmarshal(answer, &r); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return r, nil
}
