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

// showHelp is the help of every verb: its purpose, flags that fit the terminal,
// and the exit codes.
func showHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		out := cmd.OutOrStdout()
		fmt.Fprint(out, helpText(cmd, terminal.Width(out)))
	})
}

// newHelpCommand is cobra's own, but that a topic that is not a verb is an error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB]",
		Short:   "Help about a verb",
		Example: "  auditsidecar help verify",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return &usageError{fmt.Errorf("unknown verb %q\nSee '%s --help'", strings.Join(args, " "), cmd.Root().CommandPath())}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// mostColumns is the longest line of a help that is not for a terminal.
const mostColumns = 100

func helpText(cmd *cobra.Command, width int) string {
	if width == 0 {
		width = mostColumns
	}
	text := strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)) + "\n\n" + usage(cmd, width)
	if cmd.HasParent() { // the program itself has them in its text
		text += "\n" + exitCodes + "\n"
	}
	return text
}

// requiredFlag marks a flag that must be given; the value is the verb's.
const requiredFlag = "auditsidecar_required"

// require marks flags of a verb that must be given, for its help. The verb itself
// reports missing ones, with every other mistake.
func require(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		_ = flags.SetAnnotation(name, requiredFlag, nil) // it was declared before
	}
}

// flagGroups are the groups of flags in the order of a help, by the first words of their
// names. Other flags are in the second group.
func flagGroups() []flagGroup {
	return []flagGroup{
		{"Required flags", nil},
		{"Flags", nil},
		{"Lines to choose", []string{"since", "from", "to", "user", "verb", "resource", "namespace", "name", "code", "source-ip", "audit-id", "grep"}},
		{"Files that are kept", []string{"hold", "held", "state-dir", "rescan-interval"}},
		{"Archive", []string{"archive", "s3"}},
		{"Records", []string{"signing", "heartbeat", "apiserver", "audit-policy"}},
		{"Loki", []string{"loki"}},
		{"Redaction", []string{"redact"}},
		{"Status page and log", []string{"listen", "web-config-file", "admin", "log"}},
	}
}

type flagGroup struct {
	title  string
	begins []string
}

// flagUsages are the flags of a verb in groups, required ones first.
func flagUsages(flags *pflag.FlagSet, width int) string {
	groups := flagGroups()
	of := make([]*pflag.FlagSet, len(groups))
	for i := range of {
		of[i] = pflag.NewFlagSet("", pflag.ContinueOnError)
		of[i].SortFlags = false
	}
	flags.VisitAll(func(f *pflag.Flag) {
		at := 1
		if _, is := f.Annotations[requiredFlag]; is {
			at = 0
		} else if i := slices.IndexFunc(groups, func(g flagGroup) bool {
			return slices.ContainsFunc(g.begins, func(b string) bool { return f.Name == b || strings.HasPrefix(f.Name, b+"-") })
		}); i >= 0 {
			at = i
		}
		of[at].AddFlag(f)
	})
	var b strings.Builder
	for i, g := range groups {
		if text := of[i].FlagUsagesWrapped(width); text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s", g.title, text)
		}
	}
	return b.String()
}

// usage says how a verb is called. Lines of flags are broken at width.
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
		b.WriteString(flagUsages(cmd.LocalFlags(), width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n'%s VERB --help' says more about a verb.\n", cmd.CommandPath())
	}
	return b.String()
}

// completeFlags gives shells the values of flags, for all verbs below cmd: words,
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
