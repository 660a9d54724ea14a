package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// stopLimit is how long the sidecar may take to end after SIGTERM.
const stopLimit = 2 * time.Minute

// stage is where the demonstration plays.
type stage struct {
	binary, dir string
	rate        int           // lines a second
	rotate      time.Duration // between rotations
}

func (s stage) archive() string { return filepath.Join(s.dir, "archive") }

// play writes, archives, streams, restores and compares.
func (s stage) play(ctx context.Context) (figures, error) {
	loki := lokitest.New(lokitest.Config{})
	lokiURL, stop, err := serve(loki)
	if err != nil {
		return figures{}, err
	}
	defer stop()
	writer, err := audittest.NewWriter(audittest.Config{Path: filepath.Join(s.dir, "audit", "audit.log")})
	if err != nil {
		return figures{}, err
	}
	defer writer.Close()
	if err := s.keygen(ctx); err != nil {
		return figures{}, err
	}
	process, err := sidecar.Start(sidecar.Config{Binary: s.binary, Args: []string{
		"--audit-log-path", filepath.Join(s.dir, "audit", "audit.log"),
		"--archive-url", "file://" + s.archive(),
		"--loki-url", lokiURL, "--cluster", "demo", "--node", "cp1", "--signing-key-file", s.key(),
	}})
	if err != nil {
		return figures{}, err
	}
	defer process.Kill()
	f, err := s.follow(ctx, process, writer, loki)
	if err != nil {
		return figures{}, err
	}
	if err := terminate(process); err != nil {
		return figures{}, err
	}
	if err := s.compare(ctx, &f, writer, loki); err != nil {
		return f, err
	}
	return f, s.prove(ctx, &f)
}

// follow replays the log and waits until both sinks have all of it.
func (s stage) follow(ctx context.Context, process *sidecar.Process, writer *audittest.Writer, loki *lokitest.Receiver) (figures, error) {
	var f figures
	if _, err := process.WaitReady(ctx, true); err != nil {
		return f, err
	}
	content, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		return f, err
	}
	start := time.Now()
	content = audittest.Shift(content, start)
	if err := writer.Replay(ctx, audittest.Lines(content), s.rate, s.rotate); err != nil {
		return f, fmt.Errorf("replay the log: %w", err)
	}
	written := time.Now()
	// Only finished files are archived: finish the last one too.
	if err := writer.Rotate(); err != nil {
		return f, err
	}
	f.files, f.lines, f.json, f.writing = len(writer.Files())-1, writer.Lines(), writer.Bytes(), written.Sub(start)
	if err := loki.WaitDistinct(ctx, int(f.lines)); err != nil {
		return f, fmt.Errorf("%w\n%s", err, process.Log())
	}
	f.lokiLag = time.Since(written)
	m, err := process.WaitMetrics(ctx, func(m map[string]float64) bool {
		return int(m["auditsidecar_archived_files_total"]) >= f.files
	}, "auditsidecar_archived_files_total", "auditsidecar_archived_lines_total", "auditsidecar_archive_pending_files")
	if err != nil {
		return f, fmt.Errorf("%w\n%s", err, process.Log())
	}
	f.archiveLag = time.Since(written)
	f.rows = int64(m["auditsidecar_archived_lines_total"])
	return f, nil
}

// terminate ends the sidecar as kubelet does; anything but a clean end is an
// error.
func terminate(process *sidecar.Process) error {
	code, err := process.Terminate(stopLimit)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("auditsidecar ended with code %d:\n%s", code, process.Log())
	}
	return nil
}

// serve starts the Loki side on a free loopback port.
func serve(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for Loki pushes: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return "http://" + l.Addr().String(), func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("demo: the Loki receiver ended:", err)
		}
	}, nil
}
