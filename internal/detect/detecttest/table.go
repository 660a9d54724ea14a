package detecttest

import (
	"bytes"
	"embed"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed *.yaml
var tables embed.FS

// Case is an attack or something ordinary, with its meaning.
type Case struct {
	From   string
	Events []yaml.Node `yaml:"e"`
}

// Sets is the number of tables of each kind; the cases of the second were written before
// any rule had run over them.
const Sets = 3

// Attacks returns a table of attacks; the first is 1.
func Attacks(set int) ([]Case, error) { return read(fmt.Sprintf("attacks-%d.yaml", set)) }

// Ordinary returns a table of everyday requests of controllers and people.
func Ordinary(set int) ([]Case, error) { return read(fmt.Sprintf("ordinary-%d.yaml", set)) }

// ExampleAllow is the allow list of the cluster whose days [Day] makes, valid at now.
func ExampleAllow(now time.Time) ([]byte, error) {
	content, err := tables.ReadFile("allow.yaml")
	soon := now.AddDate(0, 6, 0).Format(time.DateOnly)
	return bytes.ReplaceAll(content, []byte("{{soon}}"), []byte(soon)), err
}

func read(file string) (all []Case, err error) {
	content, err := tables.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// Lines are the lines of a case.
func (c Case) Lines(now time.Time) (lines [][]byte, err error) {
	events, err := Read(c.Events)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.From, err)
	}
	for _, e := range events {
		more, err := e.Lines(now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.From, err)
		}
		lines = append(lines, more...)
	}
	return lines, nil
}
