// Package kubeadm knows what kubeadm does with a directory of patches
// (InitConfiguration, JoinConfiguration and UpgradeConfiguration:
// patches.directory), as far as it can go wrong with the sidecar.
//
// kubeadm walks the directory with all below it. A file named
//
//	TARGET[SUFFIX][+json|+merge|+strategic].yaml or .json
//
// is a patch of TARGET; without a type it is a strategic merge. Everything else
// is ignored with no more than a line in kubeadm's output, and kube-apiserver
// starts without the sidecar. A merge patch replaces lists as a whole: with
// spec.containers it drops kube-apiserver. A strategic merge puts containers
// that are new before those that it does not name.
// (kubernetes v1.37, cmd/kubeadm/app/util/patches.)
//
// [CheckPatches] finds these before kubeadm runs.
package kubeadm
