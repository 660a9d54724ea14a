package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// writeBill writes the bill of materials of one binary: the modules that the
// linker put into it, as Go's build information has them.
func writeBill(o *options, t target, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read the build information of %s: %w", binary, err)
	}
	path := filepath.Join(o.Out, "auditsidecar-"+t.String()+".cdx.json")
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	encoder := cdx.NewBOMEncoder(out, cdx.BOMFileFormatJSON).SetPretty(true)
	if err := encoder.EncodeVersion(bill(o, t, info), cdx.SpecVersion1_6); err != nil {
		_ = out.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// bill has the main module as its subject and one component for each module,
// the standard library included. It carries no serial number: that would be
// another one in every build.
func bill(o *options, t target, info *debug.BuildInfo) *cdx.BOM {
	main := component(debug.Module{Path: info.Main.Path, Version: o.Version})
	main.Type = cdx.ComponentTypeApplication
	standard := component(debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})
	components := []cdx.Component{standard}
	refs := []string{standard.BOMRef}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component(*m)
		components = append(components, c)
		refs = append(refs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: o.time().Format(time.RFC3339),
		Component: &main,
		Properties: &[]cdx.Property{
			{Name: "cdx:gomod:build:env:GOOS", Value: t.OS},
			{Name: "cdx:gomod:build:env:GOARCH", Value: t.Arch},
			{Name: "cdx:gomod:build:env:CGO_ENABLED", Value: "0"},
		},
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	return bom
}

// component describes one Go module by its package URL and, where the build
// information has it, by the SHA-256 that go.sum knows it by ("h1:").
func component(m debug.Module) cdx.Component {
	url := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: url}
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == 32 {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
