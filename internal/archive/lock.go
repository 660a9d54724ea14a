package archive

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Lock asks for S3 Object Lock: until some days after it was stored no
// version of an object can be deleted or overwritten. The bucket must have been
// made with Object Lock, which implies versioning, and the caller needs
// s3:PutObjectRetention. The zero value asks for nothing.
type Lock struct {
	// Mode is GOVERNANCE (those with s3:BypassGovernanceRetention may delete)
	// or COMPLIANCE (no one may, the account's owner included).
	Mode string
	// Days is the time, counted from the upload.
	Days int
}

// apply sets the retention of an object. Increments of open files have none:
// they are copies that the finished file supersedes and a lifecycle removes.
func (l Lock) apply(in *s3.PutObjectInput, key string, now time.Time) {
	if l.Mode == "" || strings.HasPrefix(key, "open/") {
		return
	}
	in.ObjectLockMode = types.ObjectLockMode(l.Mode)
	in.ObjectLockRetainUntilDate = aws.Time(now.UTC().AddDate(0, 0, l.Days))
}
