package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/admin"
)

// Show returns the settings in the order of the flags, as they may be shown to
// people: secrets are in files, of which these are the names, and a password in
// a URL is left out.
func Show(flags *pflag.FlagSet) []admin.Setting {
	var all []admin.Setting
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != helpFlag {
			all = append(all, admin.Setting{Name: f.Name, Value: hidePassword(f.Value.String()), Changed: f.Changed})
		}
	})
	return all
}

// userinfo matches the part before the host in a URL.
var userinfo = regexp.MustCompile(`(://)[^/@\s]*@`)

func hidePassword(value string) string { return userinfo.ReplaceAllString(value, "${1}[hidden]@") }

// Hash distinguishes settings, in as many bits as a metric can hold. The
// name of the node does not count, so that it is the same on nodes that are
// set alike; nor does the content of named files.
func Hash(settings []admin.Setting) float64 {
	h := sha256.New()
	for _, s := range settings {
		if s.Name != "node" {
			fmt.Fprintf(h, "%s=%q\n", s.Name, s.Value)
		}
	}
	return float64(binary.BigEndian.Uint64(h.Sum(nil)) >> 16)
}
