package config

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Archive says where the archive is and how to reach it.
type Archive struct {
	URL string
	// Checksum says which checksum is sent with an object.
	Checksum string
	archive.S3Config
}

// Open returns the archive. It validates the settings and does not contact it.
func (a Archive) Open(ctx context.Context) (*archive.Bucket, error) {
	if a.Checksum != "" {
		if err := OneOf("s3-checksum", a.Checksum); err != nil {
			return nil, err
		}
	}
	a.NoChecksum = a.Checksum == ChecksumOff
	return archive.Open(ctx, a.URL, a.S3Config)
}

// Register declares the archive's flags on flags.
func (a *Archive) Register(flags *pflag.FlagSet) {
	flags.StringVar(&a.URL, "archive-url", "", "`URL` of the archive: s3://bucket/prefix or file:///dir")
	flags.StringVar(&a.Lock.Mode, "s3-object-lock-mode", "", "`mode` of S3 Object Lock for records and finished files: GOVERNANCE or COMPLIANCE; the bucket must have been made for it")
	flags.IntVar(&a.Lock.Days, "s3-object-lock-days", 0, "for how many `days` to lock them")
	a.RegisterS3(flags)
}

// RegisterS3 declares only the flags that say how to reach an S3 service.
func (a *Archive) RegisterS3(flags *pflag.FlagSet) {
	flags.StringVar(&a.Endpoint, "s3-endpoint", "", "`URL` of an S3 service other than AWS")
	flags.StringVar(&a.Region, "s3-region", "", "AWS region of the bucket")
	flags.BoolVar(&a.PathStyle, "s3-path-style", false, "address the bucket in the path, as most S3 services other than AWS want it")
	RegisterWord(flags, &a.Checksum, "s3-checksum", "", "%s, sent with each object; off: for stores that refuse x-amz-checksum-sha256, objects are read back instead")
	flags.StringVar(&a.KMSKeyID, "s3-kms-key-id", "", "KMS key to encrypt the objects with")
	flags.StringVar(&a.CAFile, "s3-ca-file", "", "PEM `file` with the CA of the S3 endpoint's certificate")
}

func (a *Archive) validate() error {
	return errors.Join(required("archive-url", a.URL, "give s3://bucket/prefix or file:///dir"), a.validateLock())
}

func (a *Archive) validateLock() error {
	if a.Lock == (archive.Lock{}) {
		return nil
	}
	if err := OneOf("s3-object-lock-mode", a.Lock.Mode); err != nil {
		return err
	}
	switch {
	case a.Lock.Days < 1 || a.Lock.Days > maxLockDays:
		return fmt.Errorf("--s3-object-lock-days %d: expected 1 to %d", a.Lock.Days, maxLockDays)
	case !strings.HasPrefix(a.URL, "s3://"):
		return errors.New("--s3-object-lock-mode: a directory has no Object Lock; remove the flag or archive to s3://")
	}
	return nil
}

// maxLockDays is a hundred years, which is what S3 takes.
const maxLockDays = 36500
