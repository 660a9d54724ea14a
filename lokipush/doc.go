// Package lokipush sends audit lines to Grafana Loki.
//
// A Batch collects entries of one stream: a timestamp, the line byte for byte, and structured
// metadata (Fields, of an event that package auditline read). A Client makes one attempt to push a batch and
// says what to do next. A Pusher does it: it repeats until every entry of a batch is accepted or
// refused for good.
//
//	stream, err := lokipush.NewLabels(map[string]string{"job": "audit", "cluster": "c", "node": "n"})
//	batch := lokipush.NewBatch(stream)
//	client, err := lokipush.New(lokipush.Config{URL: "http://loki:3100"})
//	pusher := lokipush.NewPusher(client, lokipush.PusherConfig{})
//	for !batch.Add(timestamp, line, &fields) {
//		refused, err := pusher.Deliver(ctx, batch)
//		…
//		batch.Reset()
//	}
//
// # Assumptions about Loki
//
//   - 204 (or 200) means that every entry of the push was stored. This holds for pushes of one
//     stream only: with several, Loki answers with the last one's result. Hence one stream a batch.
//   - An entry with the stream, timestamp, line and metadata of a stored one is hidden from
//     queries. Hence the same bytes on every retry, and retries are harmless. Stream sharding breaks
//     this: shard_streams.enabled must be false.
//   - A 400 names one of the entries that Loki refused; the rest of the push is stored. One whose
//     words are not known may as well be a gateway's, and say nothing about entries.
//   - A push above the burst of the tenant's rate limit is answered with 429, for ever. The limit that
//     the answer names is that of a second, which the burst may be above or below.
//   - A line that is not UTF-8 is stored as it is by Loki 3.7, and shown with U+FFFD. A program that decodes
//     protobuf strictly refuses the whole push. Hence [ValidLine].
//   - A push of more than 4 MiB uncompressed is answered with 500 and "larger than max", for ever.
//   - 260 is no success: ingestion is blocked.
//
// # Guarantees
//
//   - Push returns nil only when every entry was accepted.
//   - Deliver returns without an error only when every entry was accepted or is among the refusals,
//     each of which Loki refused in a push of that entry alone, or is older than Loki said to
//     be the oldest that it takes, or is larger than the rate limit that Loki named twenty times. It gives up only with its context, or for
//     PusherConfig.FailOnStop.
//   - An answer about the stream, the tenant or the URL refuses nothing: Deliver waits, and
//     OnAttempt gets the error. A 400 or 422 in unknown words drops an entry only if Loki accepts other
//     entries of the same batch before, between and after several such answers to it alone.
//   - A batch keeps at most 1.25 MiB of memory over Reset, a Client none. A batch of one line holds
//     that line, whatever its size.
//
// The package logs nothing: PusherConfig.OnAttempt reports each attempt.
//
// # Files
//
//	client.go     Client: one push
//	decision.go   what an answer means for its lines
//	batch.go      a batch, in the bytes of a push
//	entry.go      one entry of it
//	fields.go     structured metadata
//	labels.go     labels
//	pack.go       compression
//	deliver.go    Deliver: a batch until each line is accepted, refused or too old
//	suspect.go    which line a refusal is about
//	window.go     the oldest time that Loki accepts
//	pusher.go     Pusher: retries and delays
package lokipush
