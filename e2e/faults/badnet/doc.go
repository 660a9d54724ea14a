// Package badnet is an HTTP server that stands before a sink and misbehaves on
// demand, as networks and overloaded services do: connections are reset,
// answers are lost after the request was carried out, bodies trickle in at a
// few bytes a second, every request is answered with an error status.
//
// [Start] puts it before any http.Handler, [Forward] makes one of a real
// server's address. The address stays the same in all conditions.
//
// Requests are forwarded with the Host header that the client sent, so that
// requests signed for this server's address (S3) verify at the real one.
package badnet
