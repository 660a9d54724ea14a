package policy

// Level is how much of a request is logged.
type Level uint8

// The levels, each logging more than the one before.
const (
	None Level = iota
	Metadata
	Request
	RequestResponse
)

// levelNames are the levels as a policy names them.
var levelNames = []string{"None", "Metadata", "Request", "RequestResponse"}

// String returns the level as a policy names it.
func (l Level) String() string { return levelNames[min(l, RequestResponse)] }

// Policy is an audit policy: audit.k8s.io/v1, kind Policy.
type Policy struct {
	OmitStages        []string
	OmitManagedFields bool
	Rules             []Rule

	line int
	left int // comparisons of a request with a rule that Lint may still make
}

// Rule is one rule of a policy. An empty list matches everything.
type Rule struct {
	Line              int // in the file, 1-based
	Level             Level
	Users             []string
	UserGroups        []string
	Verbs             []string
	Namespaces        []string // "" for objects without one
	Resources         []GroupResources
	NonResourceURLs   []string
	OmitStages        []string
	OmitManagedFields *bool // nil: as the policy says
}

// GroupResources names resources of one API group.
type GroupResources struct {
	Line          int
	Group         string   // "" for the core group, "*" for all
	Resources     []string // empty: all; "pods", "pods/exec", "pods/*", "*/scale", "*"
	ResourceNames []string // empty: all
}

// Query is a request as a policy sees it. One with a Path is no request for a
// resource.
type Query struct {
	User        string
	Groups      []string
	Verb        string
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Path        string
}
