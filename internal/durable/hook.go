package durable

// Op is a kind of effect.
type Op string

// The effects. Their changes are in memory until the matching sync: OpWrite
// until OpSync of the file, the others until OpSyncDir of the directory.
const (
	OpCreate  Op = "create"    // the empty temporary file Path appears
	OpWrite   Op = "write"     // one write(2) at the end of the temporary file Path
	OpSync    Op = "fsync"     // fsync of the file Path
	OpRename  Op = "rename"    // From becomes Path
	OpLink    Op = "link"      // Path becomes a further name of From
	OpRemove  Op = "remove"    // the name Path goes
	OpMkdir   Op = "mkdir"     // the directory Path appears
	OpSyncDir Op = "fsync-dir" // fsync of the directory Path
)

// Effect describes one effect on the file system.
type Effect struct {
	Op   Op
	Path string // the changed file
	From string // the other name, of OpRename and OpLink
}

// Hook decides over one effect. apply performs it on the real file system and
// returns its error; the hook calls it at most once, or not at all, and its
// result is the caller's result. Calls may come from several goroutines.
type Hook func(e Effect, apply func() error) error
