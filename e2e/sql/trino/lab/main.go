// Command lab runs a Trino over the archive of a running lab (`make lab`), until Ctrl-C. The
// environment says which, after `. try/lab/env`: it has the S3 server, its credentials and the
// lab's directory. Trino's files go into trino/ there, its client is bin/trino of the repository.
// `make lab-trino` calls it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/sql/trino"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := flag.String("client", "bin/trino", "`file` to write that starts Trino's client")
	flag.Parse()
	if err := run(ctx, *client); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "lab:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, client string) error {
	began := time.Now()
	lab, store := os.Getenv("LAB"), trino.Store{
		Endpoint: os.Getenv("AWS_ENDPOINT_URL_S3"), Region: os.Getenv("AWS_REGION"),
		AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	}
	if lab == "" || store.Endpoint == "" {
		return errors.New("the environment names no lab: start one by `make lab KEEP=try/lab`, then run `. try/lab/env`")
	}
	dir := filepath.Join(lab, "trino")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil { // its tables are made again in a second
		return err
	}
	server, err := trino.Run(ctx, dir, store, func(format string, args ...any) { fmt.Fprintf(os.Stderr, "lab: "+format+"\n", args...) })
	if err != nil {
		return err
	}
	defer server.Kill()
	if err := server.WaitNode(ctx); err != nil {
		return err
	}
	script := "#!/bin/sh\nexec " + quoted(server.Client()) + " \"$@\"\n"
	if err := os.WriteFile(client, []byte(script), 0o700); err != nil {
		return err
	}
	fmt.Printf("Trino is ready after %s at %s; its client is %s. Ctrl-C ends it.\n", time.Since(began).Round(time.Second), server.URL, client)
	select {
	case <-ctx.Done():
		return nil
	case <-server.Done():
		return errors.New("Trino has ended: see " + filepath.Join(dir, "server.log"))
	}
}

// quoted are words for a shell.
func quoted(words []string) string {
	var all []string
	for _, w := range words {
		all = append(all, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(all, " ")
}
