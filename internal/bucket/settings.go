package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Setting is a setting that decides who can delete objects, and when they are deleted.
type Setting struct {
	Name string `json:"name"`
	// Value is the setting in the store's words; empty if it is not set.
	Value string `json:"value,omitempty"`
	// Unknown is the reason why it is not known: an archive.Reason, such as permission.
	Unknown string `json:"unknown,omitempty"`
}

// SettingsOf reads the settings of the bucket of an archive and the lock of one of its objects, as
// far as the credentials may: s3:GetBucketVersioning, s3:GetBucketObjectLockConfiguration,
// s3:GetObjectRetention, s3:GetLifecycleConfiguration, s3:GetBucketPolicy. A
// directory has none.
func SettingsOf(ctx context.Context, b *archive.Bucket, key string) (all []Setting) {
	s, ok := b.InS3()
	if !ok {
		return nil
	}
	lock := func(ctx context.Context, s archive.S3) (string, error) { return retention(ctx, s, key) }
	for _, setting := range []struct {
		name string
		read func(context.Context, archive.S3) (string, error)
	}{{"versioning", versioning}, {"Object Lock of the bucket", objectLock}, {"Object Lock of " + key, lock}, {"lifecycle rules", rules}, {"bucket policy", policy}} {
		one := Setting{Name: setting.name}
		var err error
		if one.Value, err = setting.read(ctx, s); err != nil {
			one.Unknown = string(archive.ReasonOf(err)) // an error's text differs from call to call
		}
		all = append(all, one)
	}
	return all
}

// retention is the lock of one object, as --s3-object-lock-mode sets it.
func retention(ctx context.Context, s archive.S3, key string) (string, error) {
	out, err := s.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: aws.String(under(s.Prefix) + key)})
	if err != nil {
		return "", s.Explain(err, "s3:GetObject")
	}
	if out.ObjectLockMode == "" { // also without the permission s3:GetObjectRetention
		return "the store names none (it names none to credentials without s3:GetObjectRetention, either)", nil
	}
	return fmt.Sprintf("%s until %s", out.ObjectLockMode, aws.ToTime(out.ObjectLockRetainUntilDate).UTC().Format(time.RFC3339)), nil
}

func rules(ctx context.Context, s archive.S3) (string, error) {
	out, err := lifecycleRules(ctx, s)
	if err != nil || len(out.Rules) == 0 {
		return "", err
	}
	text, err := readable(out.Rules)
	return string(text), err
}

func policy(ctx context.Context, s archive.S3) (string, error) {
	out, err := s.Client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.Bucket})
	switch {
	case notSet(err, "NoSuchBucketPolicy"):
		return "", nil
	case err != nil:
		return "", s.Explain(err, "s3:GetBucketPolicy")
	}
	return aws.ToString(out.Policy), nil
}
