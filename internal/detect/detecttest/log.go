package detecttest

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/detect"
)

// Log is the log of one case, with the detection that must fire over it, if one must.
type Log struct {
	Name, Must string
	Lines      [][]byte
}

// Logs returns every case there is, at a time: the events of the detections and both tables.
func Logs(s detect.Source, now time.Time) (all []Log, err error) {
	add := func(name, must string, nodes []yaml.Node) error {
		events, err := Read(nodes)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i, e := range events {
			lines, err := e.Lines(now)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, Log{fmt.Sprintf("%s-%d", name, i), must, lines})
		}
		return nil
	}
	for _, d := range s.All() {
		if err := add("fires-"+d.Alert, d.Alert, d.Fires); err != nil {
			return nil, err
		}
		if err := add("quiet-"+d.Alert, "", d.Quiet); err != nil {
			return nil, err
		}
	}
	for kind, read := range map[string]func(int) ([]Case, error){"attack": Attacks, "ordinary": Ordinary} {
		for set := 1; set <= Sets; set++ {
			cases, err := read(set)
			if err != nil {
				return nil, err
			}
			for i, c := range cases {
				lines, err := c.Lines(now)
				if err != nil {
					return nil, err
				}
				all = append(all, Log{fmt.Sprintf("%s-%d-%d", kind, set, i), "", lines})
			}
		}
	}
	return all, nil
}

// Fired lists the detections that fire over lines, sorted.
func Fired(s detect.Source, lines [][]byte) []string {
	events := make([]Logged, len(lines))
	for i, line := range lines {
		events[i], _ = Parse(line) // a line that is no event has its text
	}
	slices.SortStableFunc(events, func(a, b Logged) int { return a.StageTimestamp.Compare(b.StageTimestamp) })
	fired := []string{}
	for _, d := range s.All() {
		if Activations(d, events, nil) > 0 {
			fired = append(fired, d.Alert)
		}
	}
	slices.Sort(fired)
	return fired
}
