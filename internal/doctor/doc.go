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
package doctor
