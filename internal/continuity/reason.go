package continuity

// Reason says why bytes of the audit log are not in the archive, or cannot be
// proven to be. A newer version may know more of them: readers keep names that
// they do not know.
type Reason string

// The reasons.
const (
	// ReasonPruned: kube-apiserver deleted a backup before it was linked,
	// while the sidecar was down.
	ReasonPruned Reason = "pruned"
	// ReasonTruncated: the file became shorter than its seen part, or is a
	// backup without a byte.
	ReasonTruncated Reason = "truncated"
	// ReasonReplaced: another file took the open file's name without a
	// rotation. The old one is archived; what went into neither is not known.
	ReasonReplaced Reason = "replaced"
	// ReasonEdited: bytes of the file that had been read were changed before it
	// was archived. The archive has the file as it was in the end.
	ReasonEdited Reason = "edited"
	// ReasonVanished: the file is gone from the directory and was not held.
	ReasonVanished Reason = "vanished"
	// ReasonNULHole: a run of NUL bytes, left by a truncation under a writer
	// that continued at its old offset.
	ReasonNULHole Reason = "nul_hole"
	// ReasonDiskBudget: the file was given up so as not to fill the disk.
	ReasonDiskBudget Reason = "disk_budget"
	// ReasonQuarantined: the file cannot be converted; it stays held for an
	// operator to look at.
	ReasonQuarantined Reason = "quarantined"
	// ReasonUnreadable: the file cannot be read to its end: a compressed file is
	// damaged. The part that unpacks is archived.
	ReasonUnreadable Reason = "unreadable"
	// ReasonStateLost: the sidecar's own state was lost or damaged; its earlier
	// knowledge is gone.
	ReasonStateLost Reason = "state_lost"
)
