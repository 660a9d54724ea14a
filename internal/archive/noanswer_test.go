package archive

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// A store that takes a request and does not answer is known after one try.
func TestNoAnswerIsNotRepeated(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: time.Millisecond}}
	t.Cleanup(client.CloseIdleConnections)
	_, err := client.Get(server.URL)
	if err == nil {
		t.Fatal("an answer")
	}
	if got := hopeless(&smithy.OperationError{Err: err}); got != aws.FalseTernary {
		t.Errorf("%v: %v", err, got)
	}
}
