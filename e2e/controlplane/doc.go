// Package controlplane runs auditsidecar beside a real control plane:
//
//	make e2e-controlplane
//
// It starts etcd and kube-apiserver on the loopback interface with the audit
// policy of manifests/, makes requests with client-go, rotates, compresses,
// restarts and kills, and then checks the account: the events that kube-apiserver itself
// counted, the lines it wrote (hard links of the test's own to every file), the files that the
// archive gives back, and Loki's entries. It also has kubeadm render the patches
// of manifests/ and compares the static pods with recorded ones.
//
// The servers are built from their Go modules when they are first needed, into
// .cache/ at the root of the tree; see package builds. The suite is a module of
// its own, so that client-go stays out of auditsidecar's.
package controlplane
