// Package admin answers an operator's questions to the running sidecar: /metrics for
// Prometheus, /livez for kubelet and /readyz for people.
//
// A [Loop] is the health of one of the sidecar's loops. The loop reports how
// each of its passes ended; from that come the log line of a transition (once
// when it starts to fail, once when it is well again), the metric, and the
// two answers:
//
//   - /livez says only whether every loop still turns. A loop that waits for a
//     sink turns; a restart would not help it. kubelet restarts the container
//     on this answer, and with a static pod that must be the last resort.
//   - /readyz says whether every loop does its work, and /readyz?verbose says
//     the cause of each wait.
//
// # Files
//
//	server.go    the listeners, their limits and routes
//	guard.go     which Host a request may name, and the profiles
//	tls.go       the listener with TLS
//	conns.go     how many connections are open at once, and for how long
//	health.go    /livez and /readyz
//	loop.go      what a loop of the sidecar says of itself: alive, failing
//	board.go     one sample of everything that the page and the judgement need
//	figures.go   the metrics of this process, as the page reads them
//	rates.go     lines and bytes a second
//	judge.go     the state of each path and the headline, from one sample
//	status.go    the report: the types of the page and of `auditsidecar status`
//	page.go      the status page and its JSON
//	format.go    numbers, sizes and times for people
package admin
