// Package builds makes the programs that the suites run: the tools and servers
// from their Go modules, once for each content of go.mod and go.sum, into .cache
// at the root of the tree, and auditsidecar itself.
//
// Each group of tools has a module of its own, so that one tool's dependencies do
// not move another's. The first build takes minutes and needs the Go module
// proxy.
package builds
