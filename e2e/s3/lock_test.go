//go:build e2e

package s3

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

const (
	lockedData   = "data/cluster=c/dt=2026-11-22/2026-11-22T12-00-00.000-n-20261122T120000a1b2c3-00000001.parquet"
	lockedRecord = "manifests/cluster=c/node=n/0001-000000000001-20261122T120000a1b2c3-00000001.json"
	unlockedOpen = "open/cluster=c/dt=2026-11-22/000000000000-000000000009-n-20261122T120000a1b2c3-00000002.parquet"
)

// In a bucket with Object Lock no one overwrites or deletes stored objects,
// the owner of the credentials that stored it included; increments, which a
// lifecycle removes, are not locked.
func TestI5_ObjectLock(t *testing.T) {
	s := start(t)
	for _, mode := range []string{"GOVERNANCE", "COMPLIANCE"} {
		t.Run(mode, func(t *testing.T) {
			bucket := "locked-" + strings.ToLower(mode)
			s.NewLockBucket(t, bucket)
			b, err := archive.Open(t.Context(), "s3://"+bucket+"/p", archive.S3Config{
				Endpoint: s.Endpoint, Region: s.Region, PathStyle: true,
				Lock: archive.Lock{Mode: mode, Days: 30},
			})
			if err != nil {
				t.Fatal(err)
			}
			client := s.Client()
			for _, key := range []string{lockedData, lockedRecord, unlockedOpen} {
				if err := put(t, b, key, []byte("content")); err != nil {
					t.Fatal(err)
				}
				if err := put(t, b, key, []byte("content")); err != nil {
					t.Errorf("the same bytes again: %v", err)
				}
				if err := put(t, b, key, []byte("others")); !errors.Is(err, archive.ErrConflict) {
					t.Errorf("other bytes: %v", err)
				}
			}
			for _, key := range []string{lockedData, lockedRecord} {
				wantContent(t, b, key, []byte("content"))
				wantLocked(t, client, bucket, "p/"+key, mode)
			}
			head, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &bucket, Key: aws.String("p/" + unlockedOpen)})
			if err != nil || head.ObjectLockMode != "" {
				t.Errorf("an increment is locked: %q, %v", head.ObjectLockMode, err)
			}
		})
	}
}

// wantLocked tries to get rid of a locked object, past the code under test.
func wantLocked(t *testing.T, client *awss3.Client, bucket, key, mode string) {
	t.Helper()
	head, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	until := aws.ToTime(head.ObjectLockRetainUntilDate)
	if string(head.ObjectLockMode) != mode || time.Until(until) < 29*24*time.Hour || time.Until(until) > 31*24*time.Hour {
		t.Errorf("%s is locked in mode %q until %s", key, head.ObjectLockMode, until)
	}
	_, err = client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: head.VersionId})
	wantDenied(t, "delete the version", err)
	_, err = client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte("others")), IfNoneMatch: aws.String("*")})
	wantDenied(t, "overwrite", err)
	_, err = client.PutObjectRetention(t.Context(), &awss3.PutObjectRetentionInput{Bucket: &bucket, Key: &key, VersionId: head.VersionId,
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionMode(mode), RetainUntilDate: aws.Time(time.Now().Add(time.Hour))}})
	wantDenied(t, "shorten the retention", err)
	// Without the condition and without a version's name S3 makes a new version,
	// or a marker, in front of the one that is locked, or refuses that, too.
	_, err = client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte("others"))})
	t.Logf("another version: %v", err)
	_, err = client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	t.Logf("a delete marker: %v", err)
	got, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key, VersionId: head.VersionId})
	if err != nil || aws.ToInt64(got.ContentLength) != int64(len("content")) {
		t.Errorf("the version is not what it was: %v", err)
	}
}

func wantDenied(t *testing.T, what string, err error) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("%s: %v", what, err)
		return
	}
	t.Logf("%s: refused: %s", what, api.ErrorCode())
}
