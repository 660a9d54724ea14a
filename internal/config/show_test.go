package config

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/auditsidecar/auditsidecar/internal/admin"
)

// shown are the settings of a run with these flags.
func shown(t *testing.T, args ...string) map[string]admin.Setting {
	t.Helper()
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	new(Run).Register(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	all := map[string]admin.Setting{}
	for _, s := range Show(flags) {
		all[s.Name] = s
	}
	return all
}

func TestShow(t *testing.T) {
	all := shown(t, "--cluster", "c", "--archive-url", "s3://user:secret@bucket/x", "--s3-endpoint=https://token@minio:9000", "--loki-label", "a=1,b=2", "--listen", "127.0.0.1:9464")
	for name, want := range map[string]admin.Setting{
		"cluster":         {Name: "cluster", Value: "c", Changed: true},
		"archive-url":     {Name: "archive-url", Value: "s3://[hidden]@bucket/x", Changed: true},
		"s3-endpoint":     {Name: "s3-endpoint", Value: "https://[hidden]@minio:9000", Changed: true},
		"loki-label":      {Name: "loki-label", Value: "[a=1,b=2]", Changed: true},
		"listen":          {Name: "listen", Value: "127.0.0.1:9464", Changed: true}, // given, if as the default
		"rescan-interval": {Name: "rescan-interval", Value: "5s", Changed: false},
	} {
		if all[name] != want {
			t.Errorf("%s: %+v, want %+v", name, all[name], want)
		}
	}
	if _, there := all["help"]; there {
		t.Error("help is no setting")
	}
}

// Nodes that are set alike have the same hash, others have not.
func TestHash(t *testing.T) {
	hash := func(args ...string) float64 {
		flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
		new(Run).Register(flags)
		if err := flags.Parse(args); err != nil {
			t.Fatal(err)
		}
		return Hash(Show(flags))
	}
	one := hash("--node", "a", "--cluster", "c")
	if other := hash("--node", "b", "--cluster", "c"); other != one || one <= 0 || one != float64(uint64(one)) || one >= 1<<48 {
		t.Errorf("%v and %v", one, other)
	}
	if other := hash("--node", "a", "--cluster", "d"); other == one {
		t.Error("another cluster has the same hash")
	}
}
