// Package chart renders manifests/helm/auditsidecar with Helm 3 and 4 and
// manifests/kustomize with kustomize, and holds the results against Kubernetes'
// types, the sidecar's own settings and the kubeadm patch. It is a module of its
// own so that Helm's modules stay out of the binary's. `go run ./render` prints
// the rendered chart, for the dry run of e2e/controlplane.
package chart
