package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// valuesOf lists what a flag takes, where that is one of a few words.
func valuesOf(flag string) []string {
	switch flag {
	case "hold":
		return []string{config.HoldLink, config.HoldCopy}
	case "redact":
		return []string{config.RedactLoki, config.RedactArchive, config.RedactOff}
	case "loki-start":
		return []string{config.StartOldest, config.StartNow}
	case "loki-event-label":
		return []string{"verb", "level", "stage", "code_class"}
	case "s3-object-lock-mode":
		return []string{"GOVERNANCE", "COMPLIANCE"}
	case "log-level":
		return []string{"debug", "info", "warn", "error"}
	case "log-format":
		return []string{"auto", "console", "json"}
	case "output":
		return []string{formatText, formatJSON}
	case "class":
		return []string{"GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}
	}
	return nil
}

// completeFlags tells shells what flags take, for all verbs below cmd: words,
// files, directories, or nothing that can be guessed. Help has them as declared.
func completeFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		complete := cobra.NoFileCompletions
		name, _ := pflag.UnquoteUsage(f)
		switch {
		case len(valuesOf(f.Name)) > 0:
			complete = cobra.FixedCompletions(valuesOf(f.Name), cobra.ShellCompDirectiveNoFileComp)
		case f.Name == config.FileFlag:
			complete = cobra.FixedCompletions([]cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
		case name == "directory":
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
		case slices.Contains([]string{"file", "path"}, name):
			return // the shell's own way with files
		}
		// An error would say that the flag is not there, or has a completion.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
	})
	for _, child := range cmd.Commands() {
		completeFlags(child)
	}
}
