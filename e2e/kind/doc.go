// Package kind runs auditsidecar in a kind cluster, as the static pod that the
// files of manifests/ make of it:
//
//	make e2e-kind
//
// It needs Docker and root's rights on it, and is not part of `make e2e`. S3 and
// Loki run on the host, reachable from the node through the gateway of Docker's
// network "kind". The cluster is deleted in the end. The node image must have
// Kubernetes 1.31 or newer, for `kubeadm upgrade --config`.
//
//	KIND_NODE_IMAGE  the node image; without it kind's default
//	KIND_CONFIG      a kind configuration that this one is added to, for
//	                 machines that need one (no CNI, cgroup v1, ...)
//	KIND_KEEP        not empty: the cluster stays
package kind
