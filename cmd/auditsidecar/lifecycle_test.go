package main

import (
	"strings"
	"testing"
)

func TestLifecycle(t *testing.T) {
	r := ok(t, "lifecycle", "print", "s3://b/p", "--class", "DEEP_ARCHIVE")
	if !strings.Contains(r.stdout, `"StorageClass": "DEEP_ARCHIVE"`) || !strings.Contains(r.stderr, "warning: Athena silently leaves out") {
		t.Errorf("%s\n%s", r.stdout, r.stderr)
	}
	call(t, "lifecycle", "apply", "file:///srv/audit", "--expire-days", "5").refused(t, exitUsage, "lifecycle rules are S3's", "--expire-days")
	call(t, "lifecycle", "check").refused(t, exitUsage, "accepts 1 arg")
	call(t, "lifecycle", "aply").refused(t, exitUsage, "did you mean apply?")
}
