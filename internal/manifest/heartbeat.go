package manifest

// Heartbeat says that the sidecar was at work at the record's time, how far it had
// read the open file, and how much was waiting for the archive.
type Heartbeat struct {
	// Every is the time between two heartbeats, in seconds: whoever misses
	// some knows how many.
	Every int64 `json:"every"`
	// Waiting counts the finished files that the archive did not have yet.
	Waiting int64 `json:"waiting"`
	// Open is the file that kube-apiserver was writing to; nil where there was
	// none.
	Open *OpenFile `json:"open,omitempty"`
	// Server has the counters of kube-apiserver; nil if it was not asked, or did
	// not answer.
	Server *Server `json:"server,omitempty"`
	// Input says that the log did not arrive; nil if it did.
	Input *Input `json:"input,omitempty"`
}

// Input is the fault of the log.
type Input struct {
	// State is one of the states of an input.
	State InputState `json:"state"`
	// Since is when the file was first missing, or when the last line arrived; zero if
	// none ever did.
	Since Stamp `json:"since,omitzero"`
	// Events counts those of kube-apiserver since then, as far as it was asked.
	Events int64 `json:"events,omitempty"`
}

// InputState names a fault of the log.
type InputState string

// The states of an input.
const (
	// InputNoFile: there was no open file.
	InputNoFile InputState = "no_file"
	// InputLosing: kube-apiserver counted events, and no line arrived.
	InputLosing InputState = "losing"
	// InputSilent: no line arrived for long, and no counter says why.
	InputSilent InputState = "silent"
)

// inputStates are all that this version knows.
var inputStates = []InputState{InputNoFile, InputLosing, InputSilent}

// OpenFile is the beginning of a file that was still being written. If the
// finished file begins with other bytes, they were changed.
type OpenFile struct {
	// Name is the base name at that time.
	Name string `json:"name"`
	// Seq is the number that the record of the finished file will have; 0
	// where it was not known yet.
	Seq int64 `json:"seq,omitempty"`
	// Inode of the file. A hint: numbers are used again.
	Inode uint64 `json:"inode"`
	// Size counts the bytes from the beginning of the file that the rest of
	// this is about.
	Size int64 `json:"size"`
	// Lines counts the newlines in these bytes.
	Lines int64 `json:"lines"`
	// SHA256 of these bytes, lower-case hex.
	SHA256 string `json:"sha256,omitempty"`
	// HMAC takes its place where the archive is redacted, as in [Source].
	HMAC string `json:"hmac,omitempty"`
}

// Server has counters of kube-apiserver (its /metrics). It was asked
// before and after the size of the open file was taken.
type Server struct {
	// Started is when the process began: its counters begin at 0 then.
	Started Stamp `json:"started,omitzero"`
	// Before and After are apiserver_audit_event_total at either time.
	Before int64 `json:"eventsBefore"`
	After  int64 `json:"eventsAfter"`
	// Errors is apiserver_audit_error_total of the log, at the later time.
	Errors int64 `json:"errors"`
}

// Key is a signing key that takes over. The record that holds it is signed
// by it, so that whoever wrote the record had it.
type Key struct {
	// Vkey is the public key as the note package writes it.
	Vkey string `json:"vkey"`
	// Handover is the consent of the key before it; nil for a first key.
	Handover *Handover `json:"handover,omitempty"`
}

// Handover is the signature of one key for the next.
type Handover struct {
	// From is the key that signed, a vkey.
	From string `json:"from"`
	// Signature over [HandoverMessage], base64.
	Signature string `json:"signature"`
}
