package admin

import "time"

// Report describes the program for the status page: the parts that this
// package cannot know from the loops and the metrics.
type Report struct {
	// Version is the version that runs.
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
	// Input is how the log arrives.
	Input Input `json:"input"`
	// Unsigned says that the settings name no key to sign the records with.
	Unsigned bool `json:"unsigned"`
	// Files are the newest files, the newest first; Older counts the others.
	Files []File `json:"files"`
	Older int    `json:"olderFiles"`
	// Gaps are the latest breaks that this process found or still has to record
	// the archive, the newest first.
	Gaps []Gap `json:"gaps"`
	// Chain is the chain of records.
	Chain Chain `json:"chain"`
	// Settings are the program's settings. Secrets are never among them:
	// secrets stand in files, of which these are the names.
	Settings []Setting `json:"settings"`
}

// Input is how the audit log arrives.
type Input struct {
	// State is one of the states of the log; empty before the first look. Since is when
	// it began.
	State State     `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// LastLine is when a line last arrived; zero if the directory has none.
	LastLine time.Time `json:"lastLine,omitzero"`
	// Nearest is the file whose name is nearest to the one that is not there.
	Nearest string `json:"nearest,omitempty"`
	// Asked says that kube-apiserver answers with its own counter, and Counted how many
	// events it counted without a line.
	Asked   bool  `json:"asked"`
	Counted int64 `json:"counted,omitempty"`
}

// State is how a part does, in one or two words.
type State string

// The states of a loop, of the path that it sends on, and of the log.
const (
	Starting State = "starting" // it has reported nothing yet
	Working  State = "working"
	Failing  State = "failing" // tried again until it works
	Stopped  State = "stopped" // until a person changes something
	Hung     State = "hung"    // no sign of life
	NotTried State = "not tried"
	Behind   State = "behind"
	Losing   State = "losing" // lines are given up, or not written
	NoFile   State = "no file"
	Silent   State = "silent" // and nothing says why
	Quiet    State = "quiet"  // kube-apiserver counts no event either
)

// levels are all states, and how good each is.
var levels = map[State]Level{
	Starting: Idle, NotTried: Idle, Working: Good, Quiet: Good,
	Failing: Warn, Behind: Warn, Silent: Warn, Stopped: Bad, Hung: Bad, Losing: Bad, NoFile: Bad,
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

// Status is the content of the page and of /status.json.
type Status struct {
	// Level, Headline and Summary are for whoever looks for a second.
	Level    Level  `json:"level"`
	Headline string `json:"headline"`
	Summary  string `json:"summary"`
	// Problems lists the faults, the worst first.
	Problems []Problem `json:"problems"`
	// Now is when this was true, Started when the process began.
	Now     time.Time `json:"now"`
	Started time.Time `json:"started"`
	// Rate is how many bytes the log gained a second, over the last ten minutes or so.
	Rate float64 `json:"logBytesPerSecond"`
	// BudgetFull is after how many seconds the disk budget is full at this rate if the
	// archive takes nothing; -1 for never.
	BudgetFull float64 `json:"budgetFullSeconds"`
	// Paths are the ways that lines take: to Loki, and to the archive.
	Paths []Path `json:"paths"`
	// Held lists the files that the sinks still need.
	Held Held `json:"held"`
	// Breaks counts those in the log since the start.
	Breaks float64 `json:"breaks"`
	// Parts are the log and the loops.
	Parts []*Part `json:"parts"`
	Report

	figures figures
}

// Problem is one thing that is wrong.
type Problem struct {
	Level Level `json:"level"`
	// Title says what, with the cause in at most ten words.
	Title string `json:"title"`
	// Detail has its known causes.
	Detail string `json:"detail,omitempty"`
	// Hint is what to do, and what happens until then.
	Hint string `json:"hint,omitempty"`
	// Runbook names the section of docs/operations.md.
	Runbook string `json:"runbook,omitempty"`
}

// Part is one loop, or the log.
type Part struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	State State  `json:"state"`
	// Since is when it became so; zero where it always was.
	Since time.Time `json:"since,omitzero"`
	// Waiting is the cause of its wait, Cause the same in a few words, and Remedy the fix.
	Waiting string `json:"waiting,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	// LastError is its last failure, which may be over, and LastErrorAt when
	// that was.
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`

	worked bool // since the start
}

// Path is one way that lines take.
type Path struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Part   *Part  `json:"part"`
	// Known says that the lag was measured.
	Known bool `json:"known"`
	// LagSeconds is the age of the oldest line that is not there yet, and
	// LagBytes is how much of the log is not.
	LagSeconds float64 `json:"lagSeconds"`
	LagBytes   float64 `json:"lagBytes"`
	// Rate is how many bytes of the log it took a second, over the last ten minutes or so.
	Rate float64 `json:"logBytesPerSecond"`
	// Reached says that it answered since the start, LastSuccess when it last took
	// something; zero if it did not yet.
	Reached     bool      `json:"reached"`
	LastSuccess time.Time `json:"lastSuccess,omitzero"`

	pending, refused float64 // seconds that a finished file waits; lines refused a second
}

// Held has the files kept for the sinks.
type Held struct {
	Files    float64 `json:"files"`
	Bytes    float64 `json:"bytes"`
	Waiting  float64 `json:"waitingForArchive"`
	Used     float64 `json:"budgetUsedBytes"`
	Max      float64 `json:"budgetMaxBytes"`
	DiskFree float64 `json:"diskFreeBytes"`
	MinFree  float64 `json:"minFreeBytes"`
	Stuck    float64 `json:"quarantined"`
}

// Share is how much of the budget is used, from 0 to 1.
func (h Held) Share() float64 {
	if h.Max <= 0 {
		return 0
	}
	return min(1, h.Used/h.Max)
}
