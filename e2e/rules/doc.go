// Package rules holds the end-to-end tests of manifests/prometheus: Prometheus'
// own promtool reads the rules, and runs the tests beside them. They are built
// with the tag e2e. The first use builds promtool into .cache, which needs the
// Go module proxy and some minutes.
package rules
