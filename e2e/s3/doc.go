// Package s3 runs the archive against a real S3 server:
//
//	go test -tags e2e ./e2e/s3/...
//
// The tests build the server when they first run; see package s3server.
package s3
