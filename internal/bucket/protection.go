package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Protection is one setting of a bucket that protects its objects, or costs
// less for them.
type Protection struct {
	Name   string // "versioning", "object-lock", "lifecycle"
	State  string // the setting; empty for none
	Advice string // where nothing is set
	Err    error  // why it is not known; an *Error
}

// ProtectionOf reads the bucket's own settings, each needing a permission that the
// sidecar does not need otherwise (s3:GetBucketVersioning,
// s3:GetBucketObjectLockConfiguration, s3:GetLifecycleConfiguration). A
// directory has none.
func ProtectionOf(ctx context.Context, b *archive.Bucket) []Protection {
	s, ok := b.InS3()
	if !ok {
		return nil
	}
	all := []Protection{
		{Name: "versioning", Advice: "switch versioning on: it keeps objects that other credentials replace or delete"},
		{Name: "object-lock", Advice: "Object Lock with a retention keeps objects from being deleted by anybody"},
		{Name: "lifecycle", Advice: "`auditsidecar lifecycle apply`: old objects to cheaper storage, open/ expires"},
	}
	for i, read := range []func(context.Context, archive.S3) (string, error){versioning, objectLock, lifecycle} {
		state, err := read(ctx, s)
		if archive.ReasonOf(err) == archive.ReasonUnsupported {
			state, all[i].Advice, err = "", "the store has no such setting", nil
		}
		all[i].State, all[i].Err = state, err
	}
	return all
}

func versioning(ctx context.Context, s archive.S3) (string, error) {
	out, err := s.Client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.Bucket})
	if err != nil {
		return "", s.Explain(err, "s3:GetBucketVersioning")
	}
	return string(out.Status), nil
}

func objectLock(ctx context.Context, s archive.S3) (string, error) {
	out, err := s.Client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.Bucket})
	if notSet(err, "ObjectLockConfigurationNotFoundError") {
		return "", nil
	}
	if err != nil {
		return "", s.Explain(err, "s3:GetBucketObjectLockConfiguration")
	}
	c := out.ObjectLockConfiguration
	if c == nil || c.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return "", nil
	}
	if c.Rule == nil || c.Rule.DefaultRetention == nil {
		return "enabled, without a default retention", nil
	}
	r := c.Rule.DefaultRetention
	return fmt.Sprintf("%s, %d days, %d years", r.Mode, aws.ToInt32(r.Days), aws.ToInt32(r.Years)), nil
}

func lifecycle(ctx context.Context, s archive.S3) (string, error) {
	out, err := lifecycleRules(ctx, s)
	if err != nil || len(out.Rules) == 0 {
		return "", err
	}
	var names []string
	for _, r := range out.Rules {
		names = append(names, aws.ToString(r.ID))
	}
	return fmt.Sprintf("%d rules (%s)", len(names), strings.Join(names, ", ")), nil
}

// lifecycleRules reads the bucket's lifecycle rules, perhaps none.
func lifecycleRules(ctx context.Context, s archive.S3) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	out, err := s.Client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.Bucket})
	switch {
	case notSet(err, "NoSuchLifecycleConfiguration"):
		return &s3.GetBucketLifecycleConfigurationOutput{}, nil
	case err != nil:
		return nil, s.Explain(err, "s3:GetLifecycleConfiguration")
	}
	return out, nil
}

// notSet says whether an error means that there is no such setting.
func notSet(err error, code string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code
}
