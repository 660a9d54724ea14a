package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/hack/bench/renew"
)

// writeAll creates a file and fills it.
func writeAll(path string, fill func(*bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write input: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = fill(w)
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write input: %w", err)
	}
	return nil
}

// writeInput writes at least size bytes of lines to path, from the given
// contents, round after round.
func writeInput(path string, contents [][]byte, size int64) error {
	return writeAll(path, func(w *bufio.Writer) error {
		var written int64
		for r := renew.New(); ; r.Round++ {
			for _, content := range contents {
				for line := range bytes.Lines(content) {
					n, err := w.Write(r.Line(line))
					if err != nil {
						return err
					}
					if written += int64(n); written >= size {
						return nil
					}
				}
			}
		}
	})
}

// writeDistinct writes at least size bytes of short lines, every one about an
// object of its own: the worst case for interned values.
func writeDistinct(path string, size int64) error {
	return writeAll(path, func(w *bufio.Writer) error {
		at := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
		for i, written := 0, int64(0); written < size; i++ {
			name := fmt.Sprintf("pod-%08x-%05d", uint32(i)*2654435761, i%99991)
			stamp := at.Add(time.Duration(i) * 3 * time.Millisecond).Format("2006-01-02T15:04:05.000000Z")
			n, err := fmt.Fprintf(w, distinctLine, uint32(i)*2246822519, i&0xffff, i, name, name, stamp, stamp)
			if err != nil {
				return err
			}
			written += int64(n)
		}
		return nil
	})
}

const distinctLine = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08x-0000-4000-8000-%04x%08x","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/pods/%s","verb":"get","user":{"username":"admin","groups":["system:masters"]},"sourceIPs":["10.0.0.1"],"objectRef":{"resource":"pods","namespace":"default","name":"%s","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"%s","stageTimestamp":"%s"}` + "\n"

// repeatFile writes src to path again and again, at least size bytes.
func repeatFile(path, src string, size int64) error {
	content, err := os.ReadFile(src)
	if err != nil {
		return fmt.Errorf("read input: %w", err)
	}
	return writeAll(path, func(w *bufio.Writer) error {
		for written := int64(0); written < size; written += int64(len(content)) {
			if _, err := w.Write(content); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeLong writes 1 MB of short lines around one of size bytes.
func writeLong(path string, size int) error {
	return writeAll(path, func(w *bufio.Writer) error {
		for i := range 1000 {
			if _, err := fmt.Fprintf(w, `{"line":%d,"text":"%01000d"}`+"\n", i, i); err != nil {
				return err
			}
		}
		var body bytes.Buffer
		for body.Len() < size {
			fmt.Fprintf(&body, `{"kind":"Secret","metadata":{"name":"secret-%08x"}},`, body.Len())
		}
		_, err := fmt.Fprintf(w, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"x","stage":"ResponseComplete","requestURI":"/","verb":"list","user":{},"responseObject":[%snull],"requestReceivedTimestamp":null,"stageTimestamp":null}`+"\n", body.Bytes())
		return err
	})
}
