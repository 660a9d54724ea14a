package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// The values of --hold, --landlock, --loki-start, --redact and --s3-checksum.
const (
	HoldLink      = "link"
	HoldCopy      = "copy"
	LandlockAuto  = "auto"
	LandlockOff   = "off"
	StartOldest   = "oldest"
	StartNow      = "now"
	RedactLoki    = "loki"
	RedactArchive = "archive"
	RedactOff     = "off"

	ChecksumSHA256 = "sha256"
	ChecksumOff    = "off"
)

// words are the flags of all verbs that take one of a few words.
var words = map[string][]string{
	"hold":                {HoldLink, HoldCopy},
	"landlock":            {LandlockAuto, LandlockOff},
	"loki-start":          {StartOldest, StartNow},
	"redact":              {RedactLoki, RedactArchive, RedactOff},
	"loki-event-label":    {"verb", "level", "stage", "code_class"},
	"s3-object-lock-mode": {"GOVERNANCE", "COMPLIANCE"},
	"s3-checksum":         {ChecksumSHA256, ChecksumOff},
	"log-level":           {"debug", "info", "warn", "error"},
	"log-format":          {"auto", "console", "json"},
	"output":              {"text", "json", "wide"},
	"class":               {"GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"},
}

// Words returns the words that a flag takes, nil if it takes others too.
func Words(flag string) []string { return words[flag] }

// OneOf refuses a value that is not one of the flag's words.
func OneOf(flag, value string) error {
	all := words[flag]
	if slices.Contains(all, value) {
		return nil
	}
	last := len(all) - 1
	return fmt.Errorf("--%s %q: expected %s or %s", flag, value, strings.Join(all[:last], ", "), all[last])
}

// RegisterWord declares a flag that takes one of its words, which the usage lists where it has %s.
// The default is the value, or else the first word.
func RegisterWord(flags *pflag.FlagSet, value *string, flag, short, usage string) {
	all := words[flag]
	flags.StringVarP(value, flag, short, cmp.Or(*value, all[0]), fmt.Sprintf(usage, "`"+strings.Join(all, "|")+"`"))
}
