package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Get asks a server once and returns its answer, whatever the status.
func Get(ctx context.Context, client *http.Client, url string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return resp.StatusCode, body, nil
}

// FreeAddress returns a loopback address without a listener.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	address, err := audittest.FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	return address
}
