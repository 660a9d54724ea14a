package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// helpFlag is cobra's own; it is not a setting.
const helpFlag = "help"

// EnvName returns the environment variable that stands for a flag:
// AUDITSIDECAR_ARCHIVE_URL for archive-url.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Fill sets the flags that the command line left alone, from environ (as
// os.Environ gives it) and then from the YAML file that the flag --config
// names. All mistakes are in the one error it returns.
//
// The warnings are variables with our prefix that are not settings: kubelet
// makes such variables for a Service that happens to be called auditsidecar,
// so they cannot be errors.
func Fill(flags *pflag.FlagSet, environ []string) (warnings []string, err error) {
	warnings, envErr := fillFromEnv(flags, environ)
	file, fileErr := flags.GetString(FileFlag)
	if fileErr != nil || file == "" {
		return warnings, envErr
	}
	return warnings, errors.Join(envErr, fillFromFile(flags, file))
}

func fillFromEnv(flags *pflag.FlagSet, environ []string) (warnings []string, err error) {
	byName := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != helpFlag {
			byName[EnvName(f.Name)] = f.Name
		}
	})
	var errs []error
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		flag, known := byName[name]
		if !known {
			warnings = append(warnings, fmt.Sprintf("environment variable %s is not a setting of this verb and is ignored", name))
			continue
		}
		if flags.Changed(flag) {
			continue
		}
		if err := set(flags, flag, value); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s: %w", name, plain(err)))
		}
	}
	return warnings, errors.Join(errs...)
}

func fillFromFile(flags *pflag.FlagSet, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the configuration file: %w", err)
	}
	settings, err := parseFile(file, data)
	if err != nil {
		return err
	}
	var errs []error
	lines := map[string]int{} // of the keys so far
	for i := 0; i+1 < len(settings); i += 2 {
		key, value := settings[i], settings[i+1]
		err := setFromFile(flags, key, value)
		if line, repeated := lines[key.Value]; repeated {
			err = fmt.Errorf("%s is set twice (first in line %d)", key.Value, line)
		} else {
			lines[key.Value] = key.Line
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, key.Line, err))
		}
	}
	return errors.Join(errs...)
}

// parseFile returns the keys and values of a file in turn. A file without any,
// be it empty or nothing but comments, is not a mistake of the user.
func parseFile(file string, data []byte) ([]*yaml.Node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: parse YAML: %w", file, err)
	}
	switch err := dec.Decode(&more); {
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a second YAML document begins; put all settings into one", file, more.Line)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: parse YAML: %w", file, err)
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode && !isNull(top) {
		return nil, fmt.Errorf("%s:%d: expected `setting: value` lines", file, top.Line)
	}
	return top.Content, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func notPlain(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode || isNull(n) }

// setFromFile sets the flag key, unless a source of higher precedence has.
func setFromFile(flags *pflag.FlagSet, key, value *yaml.Node) error {
	if key.Kind != yaml.ScalarNode {
		return errors.New("expected the name of a setting before the colon")
	}
	name, values, list := key.Value, []*yaml.Node{value}, value.Kind == yaml.SequenceNode
	if list {
		values = value.Content
	}
	flag := flags.Lookup(name)
	switch {
	case flag == nil || !inFile(flag):
		return fmt.Errorf("unknown setting %q%s", name, Suggest(flags, name, "", inFile))
	case isNull(value):
		return fmt.Errorf("%s has no value; write \"\" for an empty one or leave the line out", name)
	case slices.ContainsFunc(values, notPlain):
		return fmt.Errorf("%s: expected a plain value or a list of plain values", name)
	}
	if _, takesList := flag.Value.(pflag.SliceValue); list && !takesList {
		return fmt.Errorf("%s takes one value, not a list", name)
	}
	if flag.Changed {
		return nil
	}
	for _, v := range values {
		if err := set(flags, name, v.Value); err != nil {
			return plain(err)
		}
	}
	return nil
}

// inFile says whether a flag is a setting that a file can have.
func inFile(f *pflag.Flag) bool { return f.Name != FileFlag && f.Name != helpFlag }

// Suggest ends an error with the flags that were probably meant, each after
// prefix, of those that offer lets through.
func Suggest(flags *pflag.FlagSet, typed, prefix string, offer func(*pflag.Flag) bool) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if offer(f) {
			names = append(names, f.Name)
		}
	})
	like := similar(typed, names)
	if len(like) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, strings.Join(like, " or "+prefix))
}

// mostSimilar is how many names are still a help.
const mostSimilar = 5

// similar returns the names that are like the typed one, by cobra's own measure
// of likeness, which it offers for commands only; without any, those
// that it is a part of.
func similar(typed string, names []string) []string {
	if typed == "" {
		return nil // everything begins like it
	}
	typed = strings.ToLower(strings.ReplaceAll(typed, "_", "-"))
	all := &cobra.Command{SuggestionsMinimumDistance: 3}
	for _, name := range names {
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	like := all.SuggestionsFor(typed)
	if len(like) == 0 && len(typed) >= 4 {
		like = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.Contains(name, typed) })
	}
	return like[:min(len(like), mostSimilar)]
}

// plain takes pflag's own wrapping off an error, which repeats the flag with
// dashes that were not typed.
func plain(err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("%s: invalid value %q: %w", invalid.GetFlag().Name, invalid.GetValue(), errors.Unwrap(invalid))
	}
	return err
}

// set gives a flag a value. One that does not parse leaves the default, so that
// later validation sees whole values.
func set(flags *pflag.FlagSet, name, value string) error {
	err := flags.Set(name, value)
	if err != nil {
		f := flags.Lookup(name)
		_ = f.Value.Set(f.DefValue) // parsed before
	}
	return err
}
