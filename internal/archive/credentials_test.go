package archive

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A search for credentials that hangs ends after its own limit, as an error that
// names the sources that were tried; the caller's context ends it earlier.
func TestSearchForCredentialsIsBounded(t *testing.T) {
	hangs := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		<-ctx.Done()
		return aws.Credentials{}, ctx.Err()
	})
	for limit, want := range map[time.Duration]bool{time.Second: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			start := time.Now()
			_, err := boundedCredentials{hangs}.Retrieve(ctx)
			var marked *credentialsError
			if got := errors.As(err, &marked); got != want || time.Since(start) != min(limit, credentialsTimeout) {
				t.Errorf("with %v left: %v after %v", limit, err, time.Since(start))
			}
		})
	}
}
