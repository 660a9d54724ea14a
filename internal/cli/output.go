package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The values of --output.
const (
	formatText = "text"
	formatJSON = "json"
)

// registerFormat declares --output and -o.
func registerFormat(flags *pflag.FlagSet, output *string) {
	flags.StringVarP(output, "output", "o", formatText, "form of the output: `text|json`")
}

func checkFormat(output string) error {
	if output != formatText && output != formatJSON {
		return &usageError{fmt.Errorf("--output %q: expected %s or %s", output, formatText, formatJSON)}
	}
	return nil
}

// writeJSON writes v as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// group makes of cmd one that only has verbs below it.
func group(cmd *cobra.Command, verbs ...*cobra.Command) *cobra.Command {
	cmd.Args = noVerb
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(verbs...)
	return cmd
}
