package audittest

import (
	"io/fs"
	"strings"
	"testing"
)

// TrafficAgent is the user agent of the requests in the logs of [Versions].
const TrafficAgent = "e2e-traffic"

// Versions are the minor versions of Kubernetes of which there is a log of the same requests, written by
// a real kube-apiserver under the shipped policy, oldest first. e2e/controlplane/versions_test.go makes them.
func Versions(tb testing.TB) (minors []string) {
	tb.Helper()
	names, err := fs.Glob(testdata, "testdata/"+VersionLog("v*")+".zst")
	if err != nil || len(names) == 0 {
		tb.Fatalf("list the logs of Kubernetes' versions: %d, %v", len(names), err)
	}
	for _, name := range names {
		minors = append(minors, strings.TrimSuffix(strings.TrimPrefix(name, "testdata/kubernetes-"), ".log.zst"))
	}
	return minors
}

// VersionLog names the log of a version, for [ReadCorpus].
func VersionLog(minor string) string { return "kubernetes-" + minor + ".log" }
