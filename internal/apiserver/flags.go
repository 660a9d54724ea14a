package apiserver

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// PodFlags returns the flags that the static pod of kube-apiserver gives it, YAML or
// JSON, by their names without dashes.
func PodFlags(manifest []byte) (map[string]string, error) {
	var pod struct {
		Spec struct {
			Containers []struct {
				Name          string
				Command, Args []string
			}
		}
	}
	if err := yaml.Unmarshal(manifest, &pod); err != nil {
		return nil, fmt.Errorf("parse the static pod of kube-apiserver: %w", err)
	}
	for _, c := range pod.Spec.Containers {
		if c.Name == "kube-apiserver" || len(c.Command) > 0 && path.Base(c.Command[0]) == "kube-apiserver" {
			return Flags(slices.Concat(c.Command, c.Args)), nil
		}
	}
	return nil, errors.New("find kube-apiserver in its static pod: it has no such container")
}

// Flags are the flags in a command line, by their names without dashes. Of a flag that
// is given twice the last counts.
func Flags(words []string) map[string]string {
	all := map[string]string{}
	for i, word := range words {
		name, value, hasValue := strings.Cut(word, "=")
		if !hasValue && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			value = words[i+1]
		}
		if name, ok := strings.CutPrefix(name, "--"); ok {
			all[name] = value
		}
	}
	return all
}
