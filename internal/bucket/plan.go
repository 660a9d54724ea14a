package bucket

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// LifecyclePlan is the difference between a bucket's lifecycle rules and those that
// an archive wants.
type LifecyclePlan struct {
	// Diff has the rules that would go ("- ") and come ("+ "), as JSON; empty
	// if the bucket has the wanted rules.
	Diff string
	// Conflicts are rules of others that would change or delete objects of the
	// archive in another way. Only their owner can decide.
	Conflicts []string

	rules []types.LifecycleRule
	size  types.TransitionDefaultMinimumObjectSize
}

// PlanLifecycle reads the bucket's rules and compares. It needs
// s3:GetLifecycleConfiguration.
func PlanLifecycle(ctx context.Context, b *archive.Bucket, l Lifecycle) (LifecyclePlan, error) {
	s, ok := b.InS3()
	if !ok {
		return LifecyclePlan{}, fmt.Errorf("plan the lifecycle of %s: a directory has no lifecycle rules; delete old files by other means", b.URL(""))
	}
	out, err := lifecycleRules(ctx, s)
	if err != nil {
		return LifecyclePlan{}, fmt.Errorf("read the lifecycle rules of bucket %s: %w", s.Bucket, err)
	}
	plan, err := l.plan(s.Prefix, out.Rules)
	plan.size = out.TransitionDefaultMinimumObjectSize
	return plan, err
}

// ApplyLifecycle writes the rules of a plan: ours, and all that were there and
// are not ours, as they were. It needs s3:PutLifecycleConfiguration and refuses a
// plan with conflicts. S3 has no condition for this request: rules that
// another client writes at the same moment are lost, so it is for people, not for
// loops.
func ApplyLifecycle(ctx context.Context, b *archive.Bucket, plan LifecyclePlan) error {
	s, ok := b.InS3()
	if !ok || len(plan.Conflicts) > 0 {
		return fmt.Errorf("apply lifecycle rules to %s: the plan cannot be applied", b.URL(""))
	}
	_, err := s.Client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket:                             &s.Bucket,
		LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: plan.rules},
		TransitionDefaultMinimumObjectSize: plan.size,
		ChecksumAlgorithm:                  types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return fmt.Errorf("write the lifecycle rules of bucket %s: %w", s.Bucket, s.Explain(err, "s3:PutLifecycleConfiguration"))
	}
	return nil
}

// plan merges: rules with our IDs are replaced, all others stay.
func (l Lifecycle) plan(prefix string, have []types.LifecycleRule) (LifecyclePlan, error) {
	var p LifecyclePlan
	var diff strings.Builder
	ours := l.rules(prefix)
	want := slices.Clone(ours)
	for _, rule := range have {
		if !isOurs(rule, prefix) {
			p.rules = append(p.rules, rule)
			p.Conflicts = append(p.Conflicts, l.conflicts(rule, prefix)...)
			continue
		}
		i := slices.IndexFunc(want, func(w types.LifecycleRule) bool { return reflect.DeepEqual(w, rule) })
		if i >= 0 {
			want = slices.Delete(want, i, i+1)
			continue
		}
		if err := writeDiff(&diff, "- ", rule); err != nil {
			return p, err
		}
	}
	for _, rule := range want {
		if err := writeDiff(&diff, "+ ", rule); err != nil {
			return p, err
		}
	}
	p.rules = append(p.rules, ours...)
	p.Diff = diff.String()
	return p, nil
}

// isOurs: a rule of this archive; another archive in the bucket has other IDs.
func isOurs(rule types.LifecycleRule, prefix string) bool {
	return slices.ContainsFunc([]string{"data", "open", "uploads"}, func(name string) bool { return aws.ToString(rule.ID) == ruleID(name, prefix) })
}

func writeDiff(diff *strings.Builder, sign string, rule types.LifecycleRule) error {
	text, err := readable(rule)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		diff.WriteString(sign + line)
	}
	diff.WriteString("\n")
	return nil
}

// conflicts describes the effects of a foreign rule on the archive's objects.
// A rule for tags does nothing: our objects have none.
func (l Lifecycle) conflicts(rule types.LifecycleRule, prefix string) []string {
	filter, tagged := filterOf(rule)
	if rule.Status != types.ExpirationStatusEnabled || tagged {
		return nil
	}
	meets := func(part string) bool {
		ours := under(prefix) + part
		return strings.HasPrefix(ours, filter) || strings.HasPrefix(filter, ours)
	}
	var found []string
	report := func(what string) {
		found = append(found, fmt.Sprintf("rule %q (objects below %q) %s", aws.ToString(rule.ID), filter, what))
	}
	records := meets("manifests/") || meets("rollups/")
	if len(rule.Transitions) > 0 && records {
		report("moves records to another storage class, where queries and verify may not reach them")
	}
	if len(rule.Transitions) > 0 && meets("data/") {
		report("moves data to another storage class, at other times than these rules")
	}
	e := rule.Expiration
	if e == nil || e.Days == nil && e.Date == nil {
		return found
	}
	if records {
		report("deletes records: the archive could no longer be proven")
	}
	if early := e.Date != nil || l.ExpireDays == 0 || int(*e.Days) < l.ExpireDays; early && meets("data/") {
		report("deletes data before its time")
	}
	return found
}

// filterOf returns the prefix that a rule is for, and whether it is for certain
// tags only.
func filterOf(rule types.LifecycleRule) (prefix string, tagged bool) {
	if rule.Filter == nil {
		//nolint:staticcheck // deprecated, but rules of others may still have it
		return aws.ToString(rule.Prefix), false
	}
	if and := rule.Filter.And; and != nil {
		return aws.ToString(and.Prefix), len(and.Tags) > 0
	}
	return aws.ToString(rule.Filter.Prefix), rule.Filter.Tag != nil
}
