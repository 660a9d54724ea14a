//go:build e2e

package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// An object that is replaced or removed in a bucket of a real server with versions is
// found; a marker on an increment that was due to be deleted is not.
func TestHiddenVersions(t *testing.T) {
	s := start(t)
	bucket := "versioned"
	client := s.Client()
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	b := open(t, s, "s3://"+bucket+"/p")
	look := func() (*verify.Report, error) {
		return verify.Run(context.WithoutCancel(t.Context()), b, verify.Options{Versions: true, ChainOnly: true})
	}
	if _, err := look(); !errors.Is(err, verify.ErrNoVersions) {
		t.Errorf("without versions: %v", err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	young := archive.OpenKey("c", time.Now().UTC().Format(archive.DayLayout), "n", "20261122T120000a1b2c3", 2, 0, 9)
	for _, key := range []string{lockedData, lockedRecord, unlockedOpen, young} {
		if err := put(t, b, key, []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	found := func() (all []string) {
		r, err := look()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			t.Logf("%s %s: %s", f.Kind, f.Object, f.Detail)
			if f.Kind == verify.KindVersionHidden || f.Kind == verify.KindVersionDeleted {
				all = append(all, fmt.Sprint(f.Kind, " ", f.Object))
			}
		}
		t.Log(r.Notes)
		slices.Sort(all)
		return all
	}
	if all := found(); len(all) > 0 {
		t.Errorf("nothing is hidden: found %q", all)
	}
	record := "p/" + lockedRecord
	if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &record, Body: bytes.NewReader([]byte("others"))}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"p/" + lockedData, "p/" + unlockedOpen, "p/" + young} {
		if _, err := client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"version_deleted " + lockedData, "version_deleted " + young, "version_hidden " + lockedData, "version_hidden " + lockedRecord, "version_hidden " + young}
	slices.Sort(want)
	if all := found(); !slices.Equal(all, want) {
		t.Errorf("found %q\nwant  %q", all, want)
	}
}
