package manifest

import "github.com/auditsidecar/auditsidecar/internal/continuity"

// Gap is a break in the continuity of the audit log.
type Gap struct {
	// From and To bound the time in which lines may be missing: lines that are
	// before From and after To are not concerned. Zero: not known.
	From Stamp `json:"from,omitzero"`
	To   Stamp `json:"to,omitzero"`
	// Reason is one of the reasons of package continuity.
	Reason continuity.Reason `json:"reason"`
	// Bytes is the estimated size of the missing part; -1 if unknown.
	Bytes int64 `json:"bytes"`
	// File is the base name of the file concerned; empty where unknown.
	File string `json:"file,omitempty"`
	// Detail is for people: an offset, an error.
	Detail string `json:"detail,omitempty"`
}
