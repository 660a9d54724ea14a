package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/bucket"
	"github.com/auditsidecar/auditsidecar/internal/config"
)

const (
	lifecycleCheckExample = `  # print the changes only
  auditsidecar lifecycle check s3://audit-archive/audit-logs --s3-region eu-central-1`

	lifecycleApplyExample = `  # make the bucket's rules those of the archive; rules of others stay
  auditsidecar lifecycle apply s3://audit-archive/audit-logs --s3-region eu-central-1`

	lifecyclePrintExample = `  # for Terraform or the aws command
  auditsidecar lifecycle print s3://audit-archive/audit-logs --archive-days 180`
)

// lifecycleFlags are the flags of the verb lifecycle.
type lifecycleFlags struct {
	rules  bucket.Lifecycle
	s3     config.Archive
	format string // of check
}

func newLifecycleCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:        "lifecycle {print|check|apply} s3://BUCKET/PREFIX",
		Short:      "Move old data to cheaper storage and expire it in time",
		SuggestFor: []string{"retention", "expire"},
		Long: `lifecycle is about the rules by which S3 moves data to cheaper storage classes and
deletes it in the end. Records (manifests/) never move and never expire. print
shows the rules, check compares them with the bucket's (exit code 3 if they
differ), apply writes them. Rules of others stay as they are; where one would
move or delete the archive's objects in another way, nothing is written.`,
		Example: lifecycleCheckExample + "\n\n" + lifecycleApplyExample + "\n\n" + lifecyclePrintExample,
	},
		lifecycleVerb("print", "Show the rules", lifecyclePrintExample, (*lifecycleFlags).print),
		lifecycleVerb("check", "Compare the bucket's rules; exit code 3 if they differ", lifecycleCheckExample, (*lifecycleFlags).check),
		lifecycleVerb("apply", "Write the rules into the bucket", lifecycleApplyExample, (*lifecycleFlags).apply),
	)
}

func lifecycleVerb(name, short, example string, do func(*lifecycleFlags, *cobra.Command, string) error) *cobra.Command {
	var f lifecycleFlags
	cmd := &cobra.Command{
		Use:     name + " s3://BUCKET/PREFIX",
		Short:   short,
		Example: example,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.rules.Validate(), s3Only(args[0]), checkFormat(f.format)); err != nil {
				return &usageError{err}
			}
			if w := f.rules.Warning(); w != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
			}
			return do(&f, cmd, args[0])
		},
	}
	f.register(cmd.Flags())
	if f.format = "text"; name == "check" {
		registerFormat(cmd.Flags(), &f.format)
	}
	return cmd
}

func (f *lifecycleFlags) register(flags *pflag.FlagSet) {
	flags.IntVar(&f.rules.InfrequentDays, "infrequent-days", 90, "`days` until data go to STANDARD_IA; 0: never")
	flags.IntVar(&f.rules.ArchiveDays, "archive-days", 365, "`days` until data go to the class for old data; 0: never")
	config.RegisterWord(flags, &f.rules.ArchiveClass, "class", "", "%s, the class for old data; queries can read GLACIER_IR")
	flags.IntVar(&f.rules.ExpireDays, "expire-days", 2555, "`days` until data are deleted; 0: never")
	flags.IntVar(&f.rules.OpenDays, "open-days", archive.DefaultOpenDays, "`days` until increments of open files are deleted; longer than the log takes to rotate")
	flags.IntVar(&f.rules.AbortDays, "abort-days", 7, "`days` until parts of broken uploads are deleted")
	f.s3.RegisterS3(flags)
}

func s3Only(url string) error {
	if !strings.HasPrefix(url, "s3://") {
		return fmt.Errorf("%s: lifecycle rules are S3's: give s3://bucket/prefix", url)
	}
	return nil
}

func (f *lifecycleFlags) print(cmd *cobra.Command, url string) error {
	_, prefix, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	text, err := f.rules.Rules(strings.Trim(prefix, "/"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
	return err
}

// plan computes the changes.
func (f *lifecycleFlags) plan(ctx context.Context, url string) (*archive.Bucket, bucket.LifecyclePlan, error) {
	f.s3.URL = url
	in, err := f.s3.Open(ctx)
	if err != nil {
		return nil, bucket.LifecyclePlan{}, &usageError{err}
	}
	plan, err := bucket.PlanLifecycle(ctx, in, f.rules)
	return in, plan, err
}

// show prints the changes; conflicts are findings.
func show(out io.Writer, plan bucket.LifecyclePlan) error {
	for _, c := range plan.Conflicts {
		fmt.Fprintln(out, "conflict:", c)
	}
	fmt.Fprint(out, plan.Diff)
	switch {
	case len(plan.Conflicts) > 0:
		fmt.Fprintln(out, "nothing was written: change or remove the rules above, or give the archive a bucket of its own")
		return errFindings
	case plan.Diff == "":
		fmt.Fprintln(out, "the bucket has these rules: nothing to do")
	}
	return nil
}

// lifecycleState is the JSON output of check.
type lifecycleState struct {
	InPlace   bool     `json:"in_place"`
	Conflicts []string `json:"conflicts"`
	Diff      string   `json:"diff"`
}

func (f *lifecycleFlags) check(cmd *cobra.Command, url string) error {
	_, plan, err := f.plan(cmd.Context(), url)
	if err != nil {
		return err
	}
	inPlace := len(plan.Conflicts) == 0 && plan.Diff == ""
	if f.format == formatJSON {
		state := lifecycleState{InPlace: inPlace, Conflicts: append([]string{}, plan.Conflicts...), Diff: plan.Diff}
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(state)
	} else {
		err = show(cmd.OutOrStdout(), plan)
	}
	if err == nil && !inPlace {
		return errFindings
	}
	return err
}

func (f *lifecycleFlags) apply(cmd *cobra.Command, url string) error {
	in, plan, err := f.plan(cmd.Context(), url)
	if err != nil {
		return err
	}
	if err := show(cmd.OutOrStdout(), plan); err != nil || plan.Diff == "" {
		return err
	}
	if err := bucket.ApplyLifecycle(cmd.Context(), in, plan); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "written")
	return err
}
