package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the name of every environment variable that is a setting.
const EnvPrefix = "AUDITSIDECAR_"

// FileFlag is the flag that names the YAML file. It can come from the
// environment but not from the file itself.
const FileFlag = "config"

// EnvName returns the environment variable that stands for a flag:
// AUDITSIDECAR_ARCHIVE_URL for archive-url.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Fill sets the flags that the command line left alone, from environ (as
// os.Environ gives it) and then from the YAML file that the flag --config
// names. All mistakes are in the one error it returns.
//
// The warnings are variables with our prefix that are no setting: kubelet
// makes such variables for a Service that happens to be called auditsidecar,
// so they cannot be errors.
func Fill(flags *pflag.FlagSet, environ []string) (warnings []string, err error) {
	given := givenFlags(flags)
	warnings, envErr := fillFromEnv(flags, environ, given)
	file, fileErr := flags.GetString(FileFlag)
	if fileErr != nil || file == "" {
		return warnings, envErr
	}
	return warnings, errors.Join(envErr, fillFromFile(flags, file, given))
}

// givenFlags is the set of flags that have their value from the most
// important source so far; later sources leave them alone.
func givenFlags(flags *pflag.FlagSet) map[string]bool {
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	return given
}

func fillFromEnv(flags *pflag.FlagSet, environ []string, given map[string]bool) (warnings []string, err error) {
	byName := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) { byName[EnvName(f.Name)] = f.Name })
	var errs []error
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		flag, known := byName[name]
		if !known {
			warnings = append(warnings, fmt.Sprintf("environment variable %s is no setting of this verb and is ignored", name))
			continue
		}
		if given[flag] {
			continue
		}
		if err := flags.Set(flag, value); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s: %w", name, plain(err)))
			continue
		}
		given[flag] = true
	}
	return warnings, errors.Join(errs...)
}

func fillFromFile(flags *pflag.FlagSet, file string, given map[string]bool) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the configuration file: %w", err)
	}
	settings, err := parseFile(file, data)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range settings {
		if err := s.apply(flags, given); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, s.line, err))
		}
	}
	return errors.Join(errs...)
}

// setting is one key of the YAML file.
type setting struct {
	key    string
	values []string
	line   int
	err    error
}

func parseFile(file string, data []byte) ([]setting, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		if len(bytes.TrimSpace(data)) == 0 {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: parse YAML: %w", file, err)
	}
	var more yaml.Node
	if dec.Decode(&more) == nil {
		return nil, fmt.Errorf("%s:%d: more than one YAML document; one is read", file, more.Line)
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: expected `setting: value` lines", file, top.Line)
	}
	return settingsOf(top), nil
}

func settingsOf(mapping *yaml.Node) []setting {
	var all []setting
	seen := map[string]int{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		s := setting{key: key.Value, line: key.Line}
		switch {
		case seen[s.key] > 0:
			s.err = fmt.Errorf("%s is set twice (first in line %d)", s.key, seen[s.key])
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			s.err = fmt.Errorf("%s has no value; write \"\" for an empty one or leave the line out", s.key)
		case value.Kind == yaml.ScalarNode:
			s.values = []string{value.Value}
		case value.Kind == yaml.SequenceNode && !slices.ContainsFunc(value.Content, notScalar):
			for _, item := range value.Content {
				s.values = append(s.values, item.Value)
			}
		default:
			s.err = fmt.Errorf("%s: expected a plain value or a list of plain values", s.key)
		}
		seen[s.key] = s.line
		all = append(all, s)
	}
	return all
}

func notScalar(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode }

func (s setting) apply(flags *pflag.FlagSet, given map[string]bool) error {
	if s.err != nil {
		return s.err
	}
	flag := flags.Lookup(s.key)
	if flag == nil || s.key == FileFlag || s.key == "help" {
		return fmt.Errorf("unknown setting %q%s", s.key, suggestion(flags, s.key))
	}
	if given[s.key] {
		return nil
	}
	if _, list := flag.Value.(pflag.SliceValue); !list && len(s.values) != 1 {
		return fmt.Errorf("%s takes one value, not a list", s.key)
	}
	for _, value := range s.values {
		if err := flags.Set(s.key, value); err != nil {
			return plain(err)
		}
	}
	return nil
}

// suggestion finds the setting that was probably meant, by cobra's own
// measure of likeness, which it offers for commands only.
func suggestion(flags *pflag.FlagSet, typed string) string {
	names := &cobra.Command{SuggestionsMinimumDistance: 3}
	run := func(*cobra.Command, []string) {}
	flags.VisitAll(func(f *pflag.Flag) { names.AddCommand(&cobra.Command{Use: f.Name, Run: run}) })
	like := names.SuggestionsFor(strings.ReplaceAll(typed, "_", "-"))
	if len(like) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", strings.Join(like, " or "))
}

// plain takes pflag's own wrapping off an error, which repeats the flag with
// dashes that nobody typed.
func plain(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return fmt.Errorf("%s: invalid value %q: %w", invalid.GetFlag().Name, invalid.GetValue(), errors.Unwrap(invalid))
	}
	return err
}
