package durable

// Op is a kind of effect.
type Op uint8

// The effects. What they change is in memory until the matching sync: OpWrite
// until OpSync of the file, the others until OpSyncDir of the directory.
const (
	OpCreate  Op = iota + 1 // the empty temporary file Path appears
	OpWrite                 // one write(2) at the end of the temporary file Path
	OpSync                  // fsync of the file Path
	OpRename                // From becomes Path
	OpLink                  // Path becomes a further name of From
	OpRemove                // the name Path goes
	OpMkdir                 // the directory Path appears
	OpSyncDir               // fsync of the directory Path
)

// String returns the name of the operation, for messages of tests.
func (op Op) String() string {
	switch op {
	case OpCreate:
		return "create"
	case OpWrite:
		return "write"
	case OpSync:
		return "fsync"
	case OpRename:
		return "rename"
	case OpLink:
		return "link"
	case OpRemove:
		return "remove"
	case OpMkdir:
		return "mkdir"
	case OpSyncDir:
		return "fsync-dir"
	}
	return "unknown"
}

// Effect describes one effect on the file system.
type Effect struct {
	Op   Op
	Path string // what is changed
	From string // the other name, of OpRename and OpLink
}

// Hook decides over one effect. apply performs it on the real file system and
// returns its error; the hook calls it at most once, or not at all, and its
// result is what the caller sees. Calls may come from several goroutines.
type Hook func(e Effect, apply func() error) error
