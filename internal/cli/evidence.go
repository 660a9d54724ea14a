package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/evidence"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
	"github.com/auditsidecar/auditsidecar/internal/timerange"
)

const evidenceExample = `  # March, every file restored and hashed
  auditsidecar evidence ./archive --key vkeys/ --from 2026-03-01 --to 2026-04-01 --deep --out march

  # as its reader, without a network
  auditsidecar evidence --check march --key vkeys/ --fingerprint SHA256`

const evidenceLong = `evidence verifies an archive and writes a directory for an auditor: a cover page
(index.html), each day of each node, gaps, reports, keys, settings, a mapping to controls,
the records, and this program. Days without a record are shown as unknown. The last line
printed is its fingerprint: give it to the reader by another way. The same archive, flags
and --made give the same bytes. With exit code 3 the pack is there, and shows findings.

--check compares each file with SHA256SUMS, verifies the records and makes the pages
again. It reads the directory only. docs/evidence.md says whose word each file is.`

// evidenceFlags are the flags of the verb evidence.
type evidenceFlags struct {
	proof                           proofFlags
	s3                              config.Archive
	out, made, checked, fingerprint string
}

func newEvidenceCommand(version string) *cobra.Command {
	var f evidenceFlags
	cmd := &cobra.Command{
		Use:        "evidence SOURCE --from TIME --to TIME --out DIR | --check DIR",
		Short:      "Make a pack for an auditor that proves a period, or check one",
		SuggestFor: []string{"pack", "auditor", "compliance"},
		Long:       evidenceLong,
		Example:    evidenceExample,
		Args:       usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parse(args); err != nil {
				return &usageError{err}
			}
			if f.checked != "" {
				return f.check(cmd.Context(), cmd.OutOrStdout())
			}
			return f.make(cmd.Context(), args[0], "auditsidecar "+version, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "`directory` of the pack, which must not exist")
	flags.StringVar(&f.checked, "check", "", "check the pack in a `directory`")
	flags.StringVar(&f.fingerprint, "fingerprint", "", "`SHA256` that the pack to check must have")
	f.proof.register(flags)
	flags.StringVar(&f.made, "made", "", "`time` to be shown as that of making; empty: now")
	f.s3.RegisterS3(flags)
	return cmd
}

// parse checks the flags, every mistake at once.
func (f *evidenceFlags) parse(args []string) (err error) {
	errs := []error{f.proof.parse()}
	bad := func(is bool, text string) {
		if is {
			errs = append(errs, errors.New(text))
		}
	}
	o := &f.proof.options
	o.Now = time.Now().UTC().Truncate(time.Second)
	if f.made != "" {
		o.Now, err = timerange.Parse(f.made, o.Now)
		bad(err != nil, "--made: expected a time: "+timerange.Forms)
	}
	bad(f.fingerprint != "" && !sha256Hex.MatchString(strings.ToLower(f.fingerprint)), "--fingerprint: expected 64 hex digits")
	if f.checked != "" {
		bad(len(args) > 0 || f.out != "", "--check reads a pack: leave out SOURCE and --out")
		return errors.Join(errs...)
	}
	bad(len(args) == 0 || f.out == "" || o.From.IsZero() || o.To.IsZero(), "make a pack: give SOURCE, --from, --to and --out; or check one: give --check")
	bad(o.Now.After(time.Now()), fmt.Sprintf("--made %s is in the future: give a time that has been", o.Now.Format(time.RFC3339)))
	bad(o.To.After(o.Now), fmt.Sprintf("--to %s is after the making of the pack: a period must be over, so give %s at most", o.To.Format(time.RFC3339), o.Now.Format(time.RFC3339)))
	return errors.Join(errs...)
}

func (f *evidenceFlags) make(ctx context.Context, source, program string, stdout, stderr io.Writer) error {
	bucket, err := openArchive(ctx, source, f.s3)
	if err != nil {
		return err
	}
	if dir := bucket.Dir(); dir != "" {
		switch inside, err := within(dir, f.out); {
		case err != nil:
			return fmt.Errorf("look at --out: %w", err)
		case inside:
			return &usageError{fmt.Errorf("--out %s is inside of the archive: choose another directory", f.out)}
		}
	}
	verifier, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to be packed: %w", err)
	}
	bar := terminal.NewBar(stderr)
	f.proof.options.Progress = bar.Update
	pack, err := evidence.Make(ctx, bucket, f.out, evidence.Options{Verify: f.proof.options, Program: program, Verifier: verifier, Note: notes(stderr)})
	bar.Clear()
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "%s: %s\nfingerprint %s\n", f.out, pack.Verdict, pack.Fingerprint); err != nil {
		return err
	}
	if !pack.Clean {
		return errFindings
	}
	return nil
}

func (f *evidenceFlags) check(ctx context.Context, stdout io.Writer) error {
	faults, err := evidence.Check(ctx, f.checked, f.proof.options.Keys, strings.ToLower(f.fingerprint))
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if len(faults) > 0 {
		_, err = fmt.Fprintf(stdout, "FAULT %s\nFAILED: the pack has faults (%d)\n", strings.Join(faults, "\nFAULT "), len(faults))
		return errors.Join(err, errFindings)
	}
	last := "OK: the records are those that the keys signed, and the pages follow from them"
	if len(f.proof.options.Keys) == 0 {
		last = "OK: the pack agrees with itself; its keys were taken on trust (--key)"
	}
	_, err = fmt.Fprintln(stdout, last)
	return err
}
