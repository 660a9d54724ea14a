package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"

	"github.com/spf13/pflag"
)

// Shown is one setting as it may be shown to people.
type Shown struct {
	// Name of the flag, Value as text.
	Name, Value string
	// Given says that it does not come from the default.
	Given bool
}

// Show returns the settings in the order of the flags. There are no secrets
// among them: those stand in files, and only the names of the files are here.
// Should a URL have a password all the same, it is left out.
func Show(flags *pflag.FlagSet) []Shown {
	var all []Shown
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != helpFlag {
			all = append(all, Shown{f.Name, hidePassword(f.Value.String()), f.Changed})
		}
	})
	return all
}

// userinfo is what stands before the host in a URL.
var userinfo = regexp.MustCompile(`(://)[^/@\s]*@`)

func hidePassword(value string) string { return userinfo.ReplaceAllString(value, "${1}[hidden]@") }

// Hash tells settings from others, in as many bits as a metric can hold. The
// name of the node does not count, so that it is the same on nodes that are
// set alike; nor does what is in the files that are named.
func Hash(settings []Shown) float64 {
	h := sha256.New()
	for _, s := range settings {
		if s.Name != "node" {
			fmt.Fprintf(h, "%s=%q\n", s.Name, s.Value)
		}
	}
	return float64(binary.BigEndian.Uint64(h.Sum(nil)) >> 16)
}
