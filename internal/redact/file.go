package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// ReadConfig reads a file of rules:
//
//	disable: [configmaps]
//	rules:
//	  - name: environment
//	    group: apps
//	    resource: deployments
//	    paths:
//	      - requestObject.spec.template.spec.containers[*].env[*].value
//
// All mistakes are in the one error, each with its line. An empty file is the
// default configuration.
func ReadConfig(file string) (Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the redaction rules: %w", err)
	}
	return parseConfig(file, data)
}

// document is the form of the file.
type document struct {
	Disable []string   `yaml:"disable"`
	Enable  []string   `yaml:"enable"`
	Rules   []fileRule `yaml:"rules"`
}

type fileRule struct {
	Name        string   `yaml:"name"`
	Group       *string  `yaml:"group"`
	Resource    *string  `yaml:"resource"`
	Subresource *string  `yaml:"subresource"`
	Paths       []string `yaml:"paths"`
}

func parseConfig(file string, data []byte) (c Config, err error) {
	var doc document
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("redaction rules %w", inFile(file, err))
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		return c, fmt.Errorf("redaction rules %s:%d: a second YAML document begins; put all rules into one", file, more.Line)
	} else if !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("redaction rules %w", inFile(file, err))
	}
	c.Disable, c.Enable = doc.Disable, doc.Enable
	var errs []error
	if err := c.validate(); err != nil {
		errs = append(errs, fmt.Errorf("redaction rules %s: %w", file, err))
	}
	lines := ruleLines(data)
	for i, r := range doc.Rules {
		own := Rule(r)
		if _, err := own.compile(); err != nil {
			errs = append(errs, fmt.Errorf("redaction rules %s:%d: %w", file, lines[i], err))
		}
		c.Rules = append(c.Rules, own)
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// ruleLines returns the line at which each rule of a valid file begins.
func ruleLines(data []byte) (lines []int) {
	var top struct {
		Rules []yaml.Node `yaml:"rules"`
	}
	_ = yaml.Unmarshal(data, &top) // it was decoded before
	for _, n := range top.Rules {
		lines = append(lines, n.Line)
	}
	return lines
}

// atLine is how the YAML package says where it stopped.
var atLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// inFile puts the file's name and the line before each mistake.
func inFile(file string, err error) error {
	var mistakes *yaml.TypeError
	if !errors.As(err, &mistakes) {
		return placed(file, err.Error())
	}
	var errs []error
	for _, text := range mistakes.Errors {
		errs = append(errs, placed(file, text))
	}
	return errors.Join(errs...)
}

func placed(file, text string) error {
	if m := atLine.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s", file, m[1], text[len(m[0]):])
	}
	return fmt.Errorf("%s: %s", file, text)
}
