package admin

import "time"

// Report is what the program tells of itself for the status page: what this
// package cannot know from the loops and the metrics.
type Report struct {
	// Version is what runs.
	Version string `json:"version"`
	// Cluster and Node name the log.
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	// Log is the path of the audit log.
	Log string `json:"log"`
	// Archive and Loki are where it goes; Loki is empty where it does not.
	Archive string `json:"archive"`
	Loki    string `json:"loki,omitempty"`
	// MaxLag is how long a line may be without a copy in the archive; 0:
	// until its file is rotated.
	MaxLag time.Duration `json:"maxLagNanoseconds"`
	// Files are the newest files, the newest first; Older counts the others.
	Files []File `json:"files"`
	Older int    `json:"olderFiles"`
	// Gaps are the latest breaks that this process found or still has to tell
	// the archive, the newest first.
	Gaps []Gap `json:"gaps"`
	// Chain is the chain of records.
	Chain Chain `json:"chain"`
	// Settings are the program's settings. What is secret is never among them:
	// secrets stand in files, of which these are the names.
	Settings []Setting `json:"settings"`
}

// File is one file of the audit log.
type File struct {
	// Name is its name in the audit directory.
	Name string `json:"name"`
	// Size in bytes, as held.
	Size int64 `json:"size"`
	// Since is when it was rotated, or created while it is open.
	Since time.Time `json:"since,omitzero"`
	// State says in words how far it is.
	State string `json:"state"`
	// Level is how good that is.
	Level Level `json:"level"`
}

// Gap is a break in the log.
type Gap struct {
	// At is when it was found.
	At time.Time `json:"at"`
	// Reason is one word of the archive's records.
	Reason string `json:"reason"`
	// File is the file that it is in or after.
	File string `json:"file,omitempty"`
	// Bytes is an estimate; -1 where nothing can be said.
	Bytes int64 `json:"bytes"`
	// Detail says it in words.
	Detail string `json:"detail,omitempty"`
}

// Chain is how far the chain of records in the archive has come.
type Chain struct {
	// Epoch names the chain.
	Epoch string `json:"epoch,omitempty"`
	// Tree is the number of the tree of records, and Number that of the last record
	// that the archive has confirmed; 0 before the first.
	Tree   int   `json:"tree"`
	Number int64 `json:"number"`
	// Root of the tree up to that record: the head.
	Root string `json:"root,omitempty"`
	// Key is the public key that signs the records, a vkey; empty where none does.
	Key string `json:"key,omitempty"`
	// Heartbeat is when the last one was decided on; zero before the first.
	Heartbeat time.Time `json:"heartbeat,omitzero"`
	// Verify is a command that proves the archive up to this head.
	Verify string `json:"verify,omitempty"`
}

// Setting is one setting of the program.
type Setting struct {
	// Name of the flag, without dashes.
	Name string `json:"name"`
	// Value as it would be given.
	Value string `json:"value"`
	// Changed says that it is not the default.
	Changed bool `json:"changed"`
}

// Level is how good or bad something is.
type Level string

// The levels, from good to bad; Idle is neither.
const (
	Idle Level = "idle"
	Good Level = "good"
	Warn Level = "warn"
	Bad  Level = "bad"
)

// Status is what the page shows, and what /status.json answers.
type Status struct {
	// Level, Headline and Summary are for whoever looks for a second.
	Level    Level  `json:"level"`
	Headline string `json:"headline"`
	Summary  string `json:"summary"`
	// Problems are what is wrong, the worst first.
	Problems []Problem `json:"problems"`
	// Now is when this was true, Started when the process began.
	Now     time.Time `json:"now"`
	Started time.Time `json:"started"`
	// Paths are the ways that lines take: to Loki, and to the archive.
	Paths []Path `json:"paths"`
	// Held is what the sinks still need.
	Held Held `json:"held"`
	// GapsByReason counts the breaks since the start.
	GapsByReason map[string]float64 `json:"gapsByReason"`
	// Parts are the loops.
	Parts []Part `json:"parts"`
	Report
}

// Problem is one thing that is wrong.
type Problem struct {
	Level Level `json:"level"`
	// Title says what, in a few words.
	Title string `json:"title"`
	// Detail is what is known of it.
	Detail string `json:"detail,omitempty"`
	// Hint is what to do.
	Hint string `json:"hint,omitempty"`
}

// Part is one loop.
type Part struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	// State is one word.
	State string `json:"state"`
	// Since is when it became so; zero where it always was.
	Since time.Time `json:"since,omitzero"`
	// Waiting is what it waits for.
	Waiting string `json:"waiting,omitempty"`
	// LastError is its last failure, which may be over, and LastErrorAt when
	// that was.
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
}

// Path is one way that lines take.
type Path struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Part   Part   `json:"part"`
	// Known says that the lag was measured.
	Known bool `json:"known"`
	// LagSeconds is the age of the oldest line that is not there yet, and
	// LagBytes is how much of the log is not.
	LagSeconds float64 `json:"lagSeconds"`
	LagBytes   float64 `json:"lagBytes"`
	// LastSuccess is when it last took something; zero where it did not yet.
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	// Figures are what was counted since the start.
	Figures []Figure `json:"figures"`
	// Graphs are the lag over the last hour.
	Graphs []graph `json:"-"`
}

// Figure is one count.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Bytes bool    `json:"bytes,omitempty"`
	Level Level   `json:"level"`
}

// Held is what is kept for the sinks.
type Held struct {
	Files    float64 `json:"files"`
	Bytes    float64 `json:"bytes"`
	Waiting  float64 `json:"waitingForArchive"`
	Used     float64 `json:"budgetUsedBytes"`
	Max      float64 `json:"budgetMaxBytes"`
	DiskFree float64 `json:"diskFreeBytes"`
	Stuck    float64 `json:"quarantined"`
}

// Share is how much of the budget is used, from 0 to 1.
func (h Held) Share() float64 {
	if h.Max <= 0 {
		return 0
	}
	return min(1, h.Used/h.Max)
}
