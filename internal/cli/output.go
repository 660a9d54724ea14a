package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// formatJSON is the value of --output that is not text.
const formatJSON = "json"

// registerFormat declares --output and -o.
func registerFormat(flags *pflag.FlagSet, output *string) {
	config.RegisterWord(flags, output, "output", "o", "form of the output: %s")
}

func checkFormat(output string) error {
	if err := config.OneOf("output", output); err != nil {
		return &usageError{err}
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
