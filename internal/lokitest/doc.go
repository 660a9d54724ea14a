// Package lokitest is a receiver that speaks Loki's push API, for tests and for the demo.
//
// It decodes pushes on its own (no code of lokipush is involved), applies the rules of Loki 3.7 that
// matter to a sender, with Loki's own words in the answers, and keeps or counts the entries that it would have
// stored. Like Loki it stores the rest of a push of which it refuses an entry, and like Loki's
// queries it knows an entry again that has the stream, timestamp, line and metadata of a stored one:
// Count has every stored entry, Distinct those that a query would show.
//
// A Receiver is an http.Handler for a real server, and gives an http.RoundTripper (Transport) that
// needs no network, for tests with fake time. It fails on request (Inject).
//
// Not there: queries, rate limits but for the burst, multi-tenancy beyond asking for a tenant, the JSON form of pushes.
//
// # Files
//
//	receiver.go    the server: what it takes and counts
//	decode.go      the bodies of pushes
//	rules.go       Loki's limits
//	fault.go       faults on request
//	store.go       which entries arrived, and how often
//	transport.go   the same without a network
package lokitest
