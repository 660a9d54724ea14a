// Package doctor looks at a control plane node before the sidecar runs there, or
// when it does not work, and reports faults with their remedies.
//
// [Run] takes the settings of the verb run and the manifest of kube-apiserver's
// static pod, and makes every check that these allow. A check is a small function
// of a [Config] and a row of one table; it returns one [Result] for each subject,
// those that are in order included, so that the list also names each check.
// No check needs another to have passed. [CheckPatches] finds the mistakes in a
// directory of kubeadm's patches before kubeadm runs.
//
// # Side effects
//
//   - In the state directory (or, without one, in the audit directory) a
//     directory .doctor-* is made, one file of the log is linked into it, and both
//     are removed. kube-apiserver's files are only read and linked.
//   - In the archive one small object, doctor/cluster=<cluster>/node=<node>/probe.txt,
//     is stored, the same bytes each time; then other bytes are offered for the same
//     key, which the store has to refuse. It stays: the sidecar's credentials cannot
//     delete, and a lifecycle rule for doctor/ may.
//   - Files beside the log are listed and not opened; of logrotate only the rules are read.
//   - Loki gets a push without entries, which it answers and does not store.
//
// # Files
//
//	doctor.go       Config, Run and the order of the checks
//	layout.go       which distribution this node has, and its usual paths
//	flags.go        kube-apiserver's flags where no static pod has them
//	staticpod.go    the static pod: its containers, mounts, flags
//	auditflags.go   the audit flags and what they lead to
//	sidecar.go      the sidecar's container in the pod, and the running one
//	patches.go      kubeadm patches
//	mount.go        the audit directory: mounted, writable, links
//	inotify.go      the limits of inotify
//	disk.go         space, and how long it lasts
//	rotation.go     the rate of the log against the size of its files
//	logrotate.go    programs that rotate the log as well; files with unknown names
//	policy.go       the audit policy
//	secrets.go      the modes of files with secrets
//	clock.go        the clock
//	bucket.go       the archive: reachable, writable, protected
//	loki.go         Loki: reachable, accepts
//	system_*.go     whether the kernel's clock is synchronized
package doctor
