// Package loki runs auditsidecar against a real Loki, on the configuration, the
// rules and the dashboards that this repository ships:
//
//	make e2e-loki
//
// It builds Loki when it first runs; see package lokiserver. It prints the results that it
// has measured at the end. Loopback only.
package loki
