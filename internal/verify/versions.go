package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// ErrNoVersions is returned for an archive that keeps no versions, with Options.Versions.
var ErrNoVersions = errors.New("it keeps no versions, so replaced or removed objects are lost: --versions needs an S3 bucket with versioning")

// checkVersions finds objects that a bucket with versions hides: versions that are not the newest
// of their key, and delete markers. The sidecar neither replaces nor deletes; the lifecycle
// deletes increments and data that are old enough, which leaves a marker, and for a day the
// version that it hides.
func checkVersions(ctx context.Context, v *verification) error {
	in, ok := v.archive.InS3()
	if !ok {
		return fmt.Errorf("list the versions of %s: %w", v.archive.URL(""), ErrNoVersions)
	}
	prefix := in.Prefix
	if prefix != "" {
		prefix += "/"
	}
	status, err := in.Client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &in.Bucket})
	switch {
	case err != nil:
		return fmt.Errorf("ask whether %s keeps versions (s3:GetBucketVersioning): %w", v.archive.URL(""), err)
	case status.Status == "":
		return fmt.Errorf("list the versions of %s: %w", v.archive.URL(""), ErrNoVersions)
	case status.Status != "Enabled":
		v.found.note("versioning of the bucket is %s: objects that are replaced or removed now are lost", status.Status)
	}
	expired := 0
	due := map[string]bool{} // keys that the lifecycle has deleted, of which one version may be hidden
	hidden := func(kind Kind, name, version, text string, at time.Time) {
		name = strings.TrimPrefix(name, prefix)
		key, _ := archive.ParseKey(name)
		if v.opt.Cluster != "" && key.Cluster != v.opt.Cluster || v.opt.Node != "" && key.Node != v.opt.Node {
			return
		}
		marker := kind == KindVersionDeleted && v.opt.isDue(key, at)
		if marker || due[name] && kind == KindVersionHidden {
			due[name] = marker
			expired++
			return
		}
		v.found.find(Finding{Kind: kind, Cluster: key.Cluster, Node: key.Node, Tree: key.Tree, Number: key.Number, Epoch: key.Epoch, Seq: key.Seq, Object: name,
			Detail: fmt.Sprintf("version %s of %s: %s", version, stamp(at), text)})
	}
	last := "" // marker
	pages := s3.NewListObjectVersionsPaginator(in.Client, &s3.ListObjectVersionsInput{Bucket: &in.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the versions of %s (s3:ListBucketVersions): %w", v.archive.URL(""), err)
		}
		due = map[string]bool{last: due[last]} // its versions may be on the next page
		for _, m := range page.DeleteMarkers {
			hidden(KindVersionDeleted, aws.ToString(m.Key), aws.ToString(m.VersionId), "a delete marker: the object was removed, and older versions of it are hidden", aws.ToTime(m.LastModified))
			last = strings.TrimPrefix(aws.ToString(m.Key), prefix)
		}
		for _, o := range page.Versions {
			if !aws.ToBool(o.IsLatest) {
				hidden(KindVersionHidden, aws.ToString(o.Key), aws.ToString(o.VersionId), fmt.Sprintf("%d bytes, which a newer version or a delete marker hides; it can be read by its version", aws.ToInt64(o.Size)), aws.ToTime(o.LastModified))
			}
		}
	}
	if expired > 0 {
		v.found.note("%d hidden versions and delete markers are of objects that were due to be deleted by the lifecycle", expired)
	}
	return nil
}

// isDue says whether the lifecycle deletes an object at a time: an increment, or, with ExpireDays, data.
func (opt *Options) isDue(key archive.Key, at time.Time) bool {
	switch {
	case key.Kind == archive.KindOpen:
		return key.Day <= dayOf(at.AddDate(0, 0, -archive.DefaultOpenDays+1))
	case key.Kind == archive.KindData && opt.ExpireDays > 0:
		return key.Rotated[:len(archive.DayLayout)] <= dayOf(at.AddDate(0, 0, 1-int(opt.ExpireDays)))
	}
	return false
}
