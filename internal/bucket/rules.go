package bucket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Lifecycle moves and deletes objects by age, in days. Zero leaves a step
// out. Records and rollups never change their class and never expire: they are small, they
// are the index and the proof.
type Lifecycle struct {
	// InfrequentDays is when data go to STANDARD_IA; at least 30.
	InfrequentDays int
	// ArchiveDays is when data go to ArchiveClass.
	ArchiveDays int
	// ArchiveClass is GLACIER_IR, which queries can read, or GLACIER or
	// DEEP_ARCHIVE, see [Lifecycle.Warning].
	ArchiveClass string
	// ExpireDays is when data are deleted.
	ExpireDays int
	// OpenDays is when increments of open files are deleted. The finished file
	// supersedes them, so it must be longer than kube-apiserver takes to rotate.
	OpenDays int
	// AbortDays is when the parts of broken multipart uploads are deleted.
	AbortDays int
}

// Validate returns every mistake at once.
func (l Lifecycle) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	classes := []string{string(types.TransitionStorageClassGlacierIr), string(types.TransitionStorageClassGlacier), string(types.TransitionStorageClassDeepArchive)}
	if !slices.Contains(classes, l.ArchiveClass) {
		bad("--class %q: expected one of %s", l.ArchiveClass, strings.Join(classes, ", "))
	}
	if l.InfrequentDays != 0 && l.InfrequentDays < 30 {
		bad("--infrequent-days %d: S3 moves to STANDARD_IA after 30 days at the earliest; 0 leaves the step out", l.InfrequentDays)
	}
	if l.ArchiveDays < 0 || l.ArchiveDays != 0 && l.InfrequentDays != 0 && l.ArchiveDays < l.InfrequentDays+30 {
		bad("--archive-days %d: S3 wants at least 30 days in STANDARD_IA first, from day %d", l.ArchiveDays, l.InfrequentDays)
	}
	if least := max(l.InfrequentDays, l.ArchiveDays, 1); l.ExpireDays != 0 && l.ExpireDays <= least {
		bad("--expire-days %d: must be later than the other steps (day %d); 0 keeps data for ever", l.ExpireDays, least)
	}
	if l.OpenDays < 2 {
		bad("--open-days %d: at least 2, and longer than the log takes to rotate: until then increments are the only copy off the node", l.OpenDays)
	}
	if most := max(l.InfrequentDays, l.ArchiveDays, l.ExpireDays, l.OpenDays, l.AbortDays); most > 36_500 {
		bad("%d days are more than a hundred years", most)
	}
	if l.AbortDays < 1 {
		bad("--abort-days %d: at least 1", l.AbortDays)
	}
	return errors.Join(errs...)
}

// Warning describes how query engines treat objects of the class, or is empty.
func (l Lifecycle) Warning() string {
	if l.ArchiveDays == 0 || l.ArchiveClass == string(types.TransitionStorageClassGlacierIr) {
		return ""
	}
	return fmt.Sprintf("Athena silently leaves out objects in %s, and Trino fails on them: queries see data of the first %d days only, until objects are restored. GLACIER_IR stays readable and costs about the same per GB.", l.ArchiveClass, l.ArchiveDays)
}

// Rules returns the rules for an archive below prefix (without slashes at its
// ends), as `aws s3api put-bucket-lifecycle-configuration` takes them.
func (l Lifecycle) Rules(prefix string) ([]byte, error) {
	return readable(map[string]any{"Rules": l.rules(prefix)})
}

func (l Lifecycle) rules(prefix string) []types.LifecycleRule {
	below := under(prefix)
	data := newRule("data", prefix, below+"data/")
	if l.InfrequentDays > 0 {
		data.Transitions = append(data.Transitions, types.Transition{Days: days(l.InfrequentDays), StorageClass: types.TransitionStorageClassStandardIa})
	}
	if l.ArchiveDays > 0 {
		data.Transitions = append(data.Transitions, types.Transition{Days: days(l.ArchiveDays), StorageClass: types.TransitionStorageClass(l.ArchiveClass)})
	}
	open := newRule("open", prefix, below+"open/")
	expire(&open, l.OpenDays)
	uploads := newRule("uploads", prefix, below)
	uploads.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: days(l.AbortDays)}
	if l.ExpireDays > 0 {
		expire(&data, l.ExpireDays)
	}
	if len(data.Transitions) == 0 && data.Expiration == nil {
		return []types.LifecycleRule{open, uploads} // S3 refuses a rule that does nothing
	}
	return []types.LifecycleRule{data, open, uploads}
}

// ourID begins the ID of every rule of ours.
const ourID = "auditsidecar-"

// ruleID is the ID of one of our rules for the archive below a prefix; S3 takes
// 255 bytes.
func ruleID(name, prefix string) string {
	id := ourID + name
	if prefix != "" {
		id += "-" + prefix
	}
	return id[:min(len(id), 255)]
}

func newRule(name, prefix, filter string) types.LifecycleRule {
	return types.LifecycleRule{
		ID: aws.String(ruleID(name, prefix)), Status: types.ExpirationStatusEnabled,
		Filter: &types.LifecycleRuleFilter{Prefix: aws.String(filter)},
	}
}

// expire deletes objects of this age. In a bucket with versions that leaves a
// noncurrent version, which is gone a day later.
func expire(r *types.LifecycleRule, after int) {
	r.Expiration = &types.LifecycleExpiration{Days: days(after)}
	r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: days(1)}
}

func days(n int) *int32 { return aws.Int32(int32(n)) }

func under(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix + "/"
}

// readable is the JSON of the SDK's structs without unset fields.
func readable(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode lifecycle rules: %w", err)
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("encode lifecycle rules: %w", err)
	}
	return json.MarshalIndent(withoutNulls(tree), "", "  ")
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key] = withoutNulls(value); v[key] == nil {
				delete(v, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}
