package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

const configurationIntro = `# Configuration reference

<!-- Made from the program by ` + "`make reference`" + `. Do not edit. -->

Every setting of ` + "`auditsidecar run`" + ` is a flag, an environment variable and a key of a YAML file, the one that ` + "`--config`" + ` names. The command line
counts most, then the environment, then the file, then the default. Everything is read at the start, strictly: an unknown key, a key given
twice or a value that does not parse ends the program with exit code 2, with all mistakes in one message. A variable with our prefix that
is no setting is only warned of. ` + "`auditsidecar doctor`" + ` takes the same settings.

Secrets are never settings themselves: a setting names the file that has one, with mode 0600.

Sizes are bytes or such as 512MiB or 17GB (1e9), durations such as 300ms, 15m or 168h. Flags that may be repeated are lists in YAML; in a variable or on
the command line commas separate.

` + "```yaml" + `
audit-log-path: /var/log/kubernetes/audit/audit.log
archive-url: s3://audit-archive/audit-logs
s3-region: eu-central-1
loki-url: http://10.0.0.7:3100
cluster: production
` + "```\n"

// configuration is docs/configuration.md, made from the flags.
func configuration(root *cobra.Command) (string, error) {
	var b strings.Builder
	b.WriteString(configurationIntro)
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		return "", err
	}
	groups, order := map[string][]*pflag.Flag{}, []string{"The log", "The archive", "Proof", "Loki", "Redaction", "Names", "The process"}
	run.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			groups[groupOf(f.Name)] = append(groups[groupOf(f.Name)], f)
		}
	})
	for _, group := range order {
		fmt.Fprintf(&b, "\n## %s\n\n| flag and YAML key, variable | default | purpose |\n|---|---|---|\n", group)
		for _, f := range groups[group] {
			variable := "<br>`" + config.EnvName(f.Name) + "`"
			fmt.Fprintf(&b, "| %s%s | %s | %s |\n", flagCell(f), variable, defaultCell(f), usageCell(f))
		}
	}
	b.WriteString("\n# Other verbs\n\nThese take flags only. `doctor` has those of `run` as well.\n")
	otherVerbs(&b, root, run)
	return b.String(), nil
}

// otherVerbs writes a section for each verb below cmd that takes flags only.
func otherVerbs(b *strings.Builder, cmd, run *cobra.Command) {
	for _, c := range cmd.Commands() {
		switch {
		case slices.Contains([]string{"run", "completion", "help"}, c.Name()):
		case c.HasSubCommands():
			otherVerbs(b, c, run)
		default:
			verbReference(b, c, run)
		}
	}
}

func verbReference(b *strings.Builder, cmd, run *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s: `%s`\n", strings.TrimPrefix(cmd.CommandPath(), "auditsidecar "), cmd.Short, strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	head := "\n| flag | default | purpose |\n|---|---|---|\n"
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || cmd.Name() == "doctor" && run.Flags().Lookup(f.Name) != nil {
			return
		}
		b.WriteString(head)
		head = ""
		fmt.Fprintf(b, "| %s | %s | %s |\n", flagCell(f), defaultCell(f), usageCell(f))
	})
}

// groupOf puts a flag of run into a section of the page.
func groupOf(name string) string {
	for _, g := range []struct{ group, pattern string }{
		{"The log", `^(audit-log-path|hold|state-dir|held-.*|rescan-interval)$`},
		{"The archive", `^(archive|s3)-`},
		{"Proof", `^(heartbeat|signing|apiserver)-`},
		{"Loki", `^loki-`},
		{"Redaction", `^redact`},
		{"Names", `^(cluster|node)$`},
	} {
		if regexp.MustCompile(g.pattern).MatchString(name) {
			return g.group
		}
	}
	return "The process"
}

func flagCell(f *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(f)
	text := "--" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", " + text
	}
	return "`" + cell(strings.TrimSpace(text+" "+name)) + "`"
}

// defaultCell is the default of the flag, as the table shows it.
func defaultCell(f *pflag.Flag) string {
	switch {
	case f.Name == "node" && f.DefValue != "": // of this machine
		return "the host name"
	case f.Value.Type() == "bool" && f.DefValue == "false", slices.Contains([]string{"", "[]"}, f.DefValue):
		return ""
	case f.DefValue == "0" && strings.Contains(f.Usage, "0: "):
		return "0"
	case f.DefValue == "0":
		return ""
	}
	return "`" + cell(f.DefValue) + "`"
}

func usageCell(f *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(f)
	return cell(usage)
}

// cell writes text so that a table's column does not end in it.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
