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
package admin
