package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// resource is in-toto's ResourceDescriptor.
type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// statement is in-toto's Statement with SLSA's provenance as its predicate. It
// has no times and no identifier of the run: it is a function of the sources.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     struct {
		BuildDefinition struct {
			BuildType            string            `json:"buildType"`
			ExternalParameters   map[string]string `json:"externalParameters"`
			InternalParameters   map[string]string `json:"internalParameters"`
			ResolvedDependencies []resource        `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

const repository = "https://github.com/auditsidecar/auditsidecar"

// writeProvenance says of which source and modules, and how, the files in o.Out
// were built.
func writeProvenance(o *options, binaries map[target]string) error {
	name := "auditsidecar_" + o.Version + ".intoto.json"
	names, err := artifacts(o)
	if err != nil {
		return err
	}
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	for _, n := range names {
		if n == name {
			continue // of an earlier build
		}
		sum, err := fileSum(filepath.Join(o.Out, n))
		if err != nil {
			return err
		}
		s.Subject = append(s.Subject, resource{Name: n, Digest: map[string]string{"sha256": sum}})
	}
	d := &s.Predicate.BuildDefinition
	d.BuildType = repository + "/blob/main/docs/verify-release.md"
	d.ExternalParameters = map[string]string{"version": o.Version, "sourceDateEpoch": fmt.Sprint(o.Epoch)}
	d.InternalParameters = map[string]string{"go": runtime.Version(), "CGO_ENABLED": "0", "command": "make release-snapshot"}
	if d.ResolvedDependencies, err = dependencies(o, binaries); err != nil {
		return err
	}
	s.Predicate.RunDetails.Builder.ID = o.Builder
	content, err := json.MarshalIndent(&s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the provenance: %w", err)
	}
	if err := os.WriteFile(filepath.Join(o.Out, name), append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the provenance: %w", err)
	}
	return nil
}

// dependencies are the source and the modules in any of the binaries, with the
// checksums that go.sum has.
func dependencies(o *options, binaries map[target]string) ([]resource, error) {
	source := resource{URI: "git+" + repository}
	if o.Revision != "" {
		source.Digest = map[string]string{"gitCommit": o.Revision}
	}
	found := map[string]resource{}
	for t, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, fmt.Errorf("read the build information for %s: %w", t, err)
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			r := resource{URI: "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")}
			if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil {
				r.Digest = map[string]string{"dirHash": hex.EncodeToString(sum)}
			}
			found[r.URI] = r
		}
	}
	modules := make([]resource, 0, len(found))
	for _, r := range found {
		modules = append(modules, r)
	}
	slices.SortFunc(modules, func(a, b resource) int { return strings.Compare(a.URI, b.URI) })
	return append([]resource{source}, modules...), nil
}
