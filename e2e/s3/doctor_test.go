//go:build e2e

package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/doctor"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// archiveResults are doctor's results about an archive, by their IDs.
func archiveResults(t *testing.T, b *archive.Bucket, probe string) map[string]doctor.Result {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "audit.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]doctor.Result{}
	for _, r := range doctor.Run(t.Context(), doctor.Config{
		Log: rotate.Log{Dir: dir, Base: "audit", Ext: ".log"}, StateDir: filepath.Join(dir, ".auditsidecar"),
		Bucket: b, Cluster: "c", Node: "n", ArchiveProbe: probe, FS: durable.OS(), Now: time.Now,
		Proc: "/proc", ClockSynced: doctor.ClockSynced,
	}) {
		if strings.HasPrefix(r.ID, "archive") || r.ID == "credentials" || r.ID == "clock-skew" {
			t.Logf("%s %s: %s", r.Severity, r.ID, r.Found)
			found[r.ID] = r
		}
	}
	return found
}

// doctor on a real server: nothing is replaced, twice over, and the settings of
// the bucket are read, set or not.
func TestDoctor(t *testing.T) {
	s := start(t)
	b := open(t, s, s.URL("p"))
	for range 2 {
		found := archiveResults(t, b, s.Endpoint)
		if found["archive"].Severity != doctor.OK || found["archive-versioning"].Severity != doctor.Info || found["archive-object-lock"].Severity != doctor.Info {
			t.Errorf("a plain bucket: %+v", found)
		}
	}
	locked := "locked"
	if _, err := s.Client().CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &locked, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client().PutObjectLockConfiguration(t.Context(), &awss3.PutObjectLockConfigurationInput{
		Bucket: &locked,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(7)}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	found := archiveResults(t, open(t, s, "s3://locked/p"), s.Endpoint)
	if r := found["archive-object-lock"]; r.Severity != doctor.OK || !strings.Contains(r.Found, "GOVERNANCE, 7 days") {
		t.Errorf("Object Lock: %+v", r)
	}
	if r := found["archive"]; r.Severity != doctor.OK {
		t.Errorf("archive with Object Lock: %+v", r)
	}
}

func TestDoctorWithoutAccess(t *testing.T) {
	s := start(t)
	if r := archiveResults(t, open(t, s, "s3://no-such-bucket/p"), "")["archive"]; r.Severity != doctor.Error || !strings.Contains(r.Found, "create bucket") {
		t.Errorf("no bucket: %+v", r)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if r := archiveResults(t, open(t, s, s.URL("p")), "")["credentials"]; r.Severity != doctor.Error {
		t.Errorf("wrong secret: %+v", r)
	}
}
