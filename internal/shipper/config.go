package shipper

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// DirName is the directory of unfinished work in the state directory.
const DirName = "work"

// Store is the archive as the shipper needs it.
type Store interface {
	// Put stores a finished file under a key and returns nil only when the
	// key is confirmed to hold its size and SHA-256 (hex). Storing the same
	// bytes again is success; other bytes are never replaced, and never
	// success: [ErrTaken], [ErrUnreadable].
	Put(ctx context.Context, key, file string, size int64, sha256 string) error
	// Find returns the files of this log, of all epochs, that were rotated at
	// a time; with about, those that were rotated next before and after it.
	// Where the archive may not be listed it returns none.
	Find(ctx context.Context, rotated time.Time, about bool) ([]Found, error)
	History
	// Fetch writes the object under a key to a new file; [ErrTaken] where the store
	// contradicts itself about its content, [ErrUnreadable] if it does not show it.
	Fetch(ctx context.Context, key, file string) error
}

// ErrUnlisted is returned by a [Store] whose archive may not be listed.
var ErrUnlisted = errors.New("the archive may not be listed")

// History reads the archive's objects and records of other lives of the ledger.
type History interface {
	// Earlier returns an epoch of this log other than the given one of which the
	// archive has something; empty where it has nothing, or may not be listed.
	Earlier(ctx context.Context, epoch string) (string, error)
	// Tree returns the number of the last tree of this log that the archive has records
	// of, 0 without one; [ErrUnlisted] if the archive may not be listed.
	Tree(ctx context.Context) (int, error)
	// Records returns the archive's content under the keys of a tree's records, from a
	// number on, in the order of the keys; [ErrUnlisted] as of Tree.
	Records(ctx context.Context, tree int, from int64) iter.Seq2[manifest.Stored, error]
	// Rollups returns the keys of a tree's rollups in JSON, in the order of the days;
	// [ErrUnlisted] as of Tree.
	Rollups(ctx context.Context, tree int) ([]string, error)
}

// Found is a file that the archive has objects of.
type Found struct {
	// Record is the file's; nil where the archive has none.
	Record *manifest.Record
	// Meta is the metadata of one of the objects, used if there is no record.
	Meta parquet.ObjectMeta
}

// Held is where the files are held until they are archived.
type Held interface {
	// Path returns the path of a segment's bytes.
	Path(id string) string
	// Wake is called when a segment was retired.
	Wake()
}

// Keys names the objects of this log in the archive.
type Keys interface {
	// Data returns the key of the object with the rows of one UTC day, as
	// 2006-01-02, of a segment.
	Data(day string, rotated time.Time, of ledger.Origin) string
	// Open returns the key of the increment with the bytes [from, to), written on
	// a UTC day, of a segment that is still being written.
	Open(day string, of ledger.Origin, from, to int64) string
	TreeKeys
	// Copy returns the key for a copy of an object whose key holds something else.
	Copy(key string) string
}

// TreeKeys names the objects of a node's trees.
type TreeKeys interface {
	// Record returns the key of a record of a node's tree.
	Record(cluster, node string, record manifest.Head) string
	// Rollup returns the key of the rollup of a UTC day of a tree of this log, with the
	// extension json or parquet.
	Rollup(tree int, day, ext string) string
}

// Events receives the steps of the shipper. Its methods must not block.
type Events interface {
	// Pass is called with the result of each pass.
	Pass(err error)
	// File reports an event of a single segment to the operator.
	File(event string, e ledger.Entry)
	// Gap reports each break that is found in the bytes of a file.
	Gap(gap ledger.Gap)
	// Head reports each record that the archive has confirmed; it is the head of
	// the tree then.
	Head(head ledger.Head)
}

// Log is how the audit log arrives, for the heartbeats.
type Log interface {
	// Ask asks kube-apiserver for its counters, in bounded time, and logs its errors
	// itself; false if they are not available.
	Ask(ctx context.Context) (Counters, bool)
	// Input returns the fault of the log; nil if it arrives.
	Input() *manifest.Input
}

// Config configures a Shipper. Its fields are the parts of the sidecar that
// meet in the archive's loop; each is set once.
type Config struct {
	// StateDir is the state directory.
	StateDir string
	// Held has the segments' bytes.
	Held Held
	// Cluster and Node name the log in the rows.
	Cluster, Node string
	// Version of the converter, for the objects' metadata.
	Version string
	// FS makes directories durable.
	FS durable.FS
	// Ledger has the segments.
	Ledger *ledger.Ledger
	// Chain seals the records.
	Chain *manifest.Chain
	// Key is the key of this node, which signs the records; nil without one.
	Key *manifest.SigningKey
	// Keys names the objects, Store takes them.
	Keys  Keys
	Store Store
	// MaxLag is how long a complete line of the open file may be without a
	// copy in the archive, and 256 KiB of lines a quarter of it; 0 leaves it to the rotation.
	MaxLag time.Duration
	// Heartbeat is the longest time without a record; 0: no heartbeats.
	Heartbeat time.Duration
	// Redact selects the values to replace in the archive; nil archives the bytes as read.
	Redact *Redaction
	// Blind returns the substitute of a SHA-256 (hex, as the result) that must not
	// be published, because the archive is redacted or was; nil if it never is.
	Blind func(sha256 string) string
	// Log is how the audit log arrives; nil if that is not known.
	Log Log
	// Setup returns the settings that the log is written and archived with, but for
	// kube-apiserver's version; nil records none.
	Setup func() manifest.Setup
	// Poke wakes the loop; a pass is made every Interval without it.
	Poke     <-chan struct{}
	Interval time.Duration
	// Events hears what happens.
	Events Events
	// Registry takes the metrics.
	Registry prometheus.Registerer
}
