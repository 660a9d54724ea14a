// Package manifests checks the files of manifests/ against Kubernetes' own
// code: the strategic merge that kubeadm does, the types of a pod, and
// kube-apiserver's reading and matching of audit policies. It is a module of its
// own so that Kubernetes' modules stay out of the binary's.
package manifests
