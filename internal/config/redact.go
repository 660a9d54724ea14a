package config

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// Redact selects the values to replace in lines before they leave the node.
type Redact struct {
	// Mode says for which sinks lines are redacted.
	Mode string
	// RulesFile has rules of one's own; empty: the default ones.
	RulesFile string
	// KeyFile has the key of the markers; empty: one in the state directory.
	KeyFile string
}

// Register declares the flags on flags.
func (r *Redact) Register(flags *pflag.FlagSet) {
	RegisterWord(flags, &r.Mode, "redact", "", "where the values of Secrets, tokens and the like are replaced by keyed hashes, %s; archive: there as well as in Loki, and the archive then does not have the original lines")
	flags.StringVar(&r.RulesFile, "redact-rules", "", "YAML `file` with rules that replace more values, or switch built-in ones off")
	flags.StringVar(&r.KeyFile, "redact-key-file", "", "`file` with the 32 bytes of the hashes' key, mode 0600, to share it between nodes; empty: one of this node's own, in the state directory")
}

// Validate returns every mistake at once.
func (r *Redact) Validate() error {
	errs := []error{OneOf("redact", r.Mode)}
	if r.Mode == RedactOff {
		for flag, value := range map[string]string{"redact-rules": r.RulesFile, "redact-key-file": r.KeyFile} {
			if value != "" {
				errs = append(errs, fmt.Errorf("--%s %q has no meaning with --redact=off: leave one of them out", flag, value))
			}
		}
	}
	return errors.Join(errs...)
}

// Policy reads the rules; nil if nothing is redacted.
func (r *Redact) Policy() (*redact.Policy, error) {
	if r.Mode == RedactOff {
		return nil, nil
	}
	var rules redact.Config
	if r.RulesFile != "" {
		var err error
		if rules, err = redact.ReadConfig(r.RulesFile); err != nil {
			return nil, fmt.Errorf("--redact-rules: %w", err)
		}
	}
	return redact.NewPolicy(rules)
}

// ValidateFiles checks the files that the settings name.
func (r *Redact) ValidateFiles() error {
	_, err := r.Policy()
	if r.KeyFile != "" {
		if _, keyErr := redact.ReadKey(r.KeyFile); keyErr != nil {
			err = errors.Join(err, fmt.Errorf("--redact-key-file: %w", keyErr))
		}
	}
	return err
}
