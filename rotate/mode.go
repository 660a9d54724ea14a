package rotate

import "strconv"

// Mode is how a Watcher learns of changes.
type Mode int32

const (
	// ModeStarting: Run has not looked at the directory yet.
	ModeStarting Mode = iota
	// ModeWatching: the kernel reports changes (inotify).
	ModeWatching
	// ModePolling: no watch is to be had; subscribers are poked by the clock.
	ModePolling
	// ModeMissing: there is no such directory, or it cannot be looked at.
	ModeMissing
)

// Modes lists every Mode, for metrics that have one series for each.
func Modes() []Mode { return []Mode{ModeStarting, ModeWatching, ModePolling, ModeMissing} }

// String returns "starting", "watching", "polling" or "missing".
func (m Mode) String() string {
	switch m {
	case ModeStarting:
		return "starting"
	case ModeWatching:
		return "watching"
	case ModePolling:
		return "polling"
	case ModeMissing:
		return "missing"
	}
	return "mode " + strconv.Itoa(int(m))
}
