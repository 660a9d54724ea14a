package config

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// Redact says what is replaced in lines before they leave the node.
type Redact struct {
	// Mode is where lines are redacted for: [RedactOff], [RedactLoki] or
	// [RedactArchive].
	Mode string
	// RulesFile has rules of one's own; empty: the default ones.
	RulesFile string
	// KeyFile has the key of the markers; empty: one in the state directory.
	KeyFile string
}

// The values of --redact.
const (
	RedactOff     = "off"
	RedactLoki    = "loki"
	RedactArchive = "archive"
)

// Register declares the flags on flags.
func (r *Redact) Register(flags *pflag.FlagSet) {
	flags.StringVar(&r.Mode, "redact", RedactLoki, "where the values of Secrets, tokens and the like are replaced by keyed hashes, `loki|archive|off`; archive: there as well as in Loki, and the archive then does not have what kube-apiserver wrote")
	flags.StringVar(&r.RulesFile, "redact-rules", "", "YAML `file` with rules of what else is replaced, and of what is not")
	flags.StringVar(&r.KeyFile, "redact-key-file", "", "`file` with the 32 bytes of the hashes' key, mode 0600, to share it between nodes; empty: one of this node's own, in the state directory")
}

// Validate returns every mistake at once.
func (r *Redact) Validate() error {
	var errs []error
	switch r.Mode {
	case RedactOff, RedactLoki, RedactArchive:
	default:
		errs = append(errs, fmt.Errorf("--redact %q: expected %s, %s or %s", r.Mode, RedactOff, RedactLoki, RedactArchive))
	}
	if r.Mode == RedactOff {
		for flag, value := range map[string]string{"redact-rules": r.RulesFile, "redact-key-file": r.KeyFile} {
			if value != "" {
				errs = append(errs, fmt.Errorf("--%s %q has no meaning with --redact=off: leave one of them out", flag, value))
			}
		}
	}
	return errors.Join(errs...)
}
