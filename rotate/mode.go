package rotate

// Mode is how a Watcher learns of changes.
type Mode string

const (
	// ModeWatching: the kernel reports changes (inotify).
	ModeWatching Mode = "watching"
	// ModePolling: no watch is available; subscribers are poked by the clock.
	ModePolling Mode = "polling"
	// ModeMissing: there is no such directory, or it cannot be looked at.
	ModeMissing Mode = "missing"
)
