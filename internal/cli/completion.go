package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// completeFlags tells shells what flags take, for all verbs below cmd: words,
// files, directories, or nothing that can be guessed. Help has them as declared.
func completeFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		complete := cobra.NoFileCompletions
		name, _ := pflag.UnquoteUsage(f)
		switch {
		case config.Words(f.Name) != nil:
			complete = cobra.FixedCompletions(config.Words(f.Name), cobra.ShellCompDirectiveNoFileComp)
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
