package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

// exitCodes ends the help of every verb.
const exitCodes = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the check was made and found something."

// showHelp is the help of every verb: what it does, flags that fit the terminal,
// and the exit codes.
func showHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		out := cmd.OutOrStdout()
		fmt.Fprint(out, helpText(cmd, terminal.Width(out)))
	})
}

func helpText(cmd *cobra.Command, width int) string {
	text := strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)) + "\n\n" + usage(cmd, width)
	if cmd.HasParent() { // the program itself has them in its text
		text += "\n" + exitCodes + "\n"
	}
	return text
}

// usage says how a verb is called. Lines of flags are broken at width; 0: never,
// so that a search for a flag in a pipe finds all of what it does.
func usage(cmd *cobra.Command, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nVerbs:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", cmd.LocalFlags().FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n'%s VERB --help' says more about a verb.\n", cmd.CommandPath())
	}
	return b.String()
}

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
