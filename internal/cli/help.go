package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

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
