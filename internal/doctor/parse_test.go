package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/rotate"
)

func TestMountOf(t *testing.T) {
	all, err := parseMounts(strings.NewReader(`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 /logs /var/log rw - xfs /dev/sdb1 rw
31 22 8:2 /logs /var/log ro - xfs /dev/sdb1 rw
32 22 8:3 /a\040b /srv/a\040b rw - ext4 /dev/sdc1 ro,errors=continue
nonsense
33 22 8:3 / /x
`))
	must(t, err)
	if len(all) != 4 {
		t.Fatalf("%d mounts: %+v", len(all), all)
	}
	for path, want := range map[string]mount{
		"/etc":           {root: "/", point: "/", kind: "ext4"},
		"/var/logs":      {root: "/", point: "/", kind: "ext4"},
		"/var/log":       {root: "/logs", point: "/var/log", kind: "xfs", readOnly: true}, // the last one is on top
		"/var/log/x/y":   {root: "/logs", point: "/var/log", kind: "xfs", readOnly: true},
		"/srv/a b/audit": {root: "/a b", point: "/srv/a b", kind: "ext4", readOnly: true},
	} {
		if got, ok := mountOf(all, path); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n")
	f.Add("1 2 3 4//deleted 5 6 - x")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseMounts(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, m := range all {
			if found, ok := mountOf(all, m.point); !ok || found.point != m.point {
				t.Errorf("%q is on %+v", m.point, found)
			}
		}
	})
}

func FuzzParsePod(f *testing.F) {
	f.Add([]byte(manifest))
	f.Add([]byte("kind: Pod\nspec: {containers: [{name: kube-apiserver, command: [a, --audit-log-maxsize], volumeMounts: [{name: a, mountPath: /}]}], volumes: [{name: a}]}"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		p, err := parsePod(data)
		if err != nil {
			return
		}
		cfg := &Config{Log: rotate.Log{Dir: "/var/log/kubernetes/audit", Base: "audit", Ext: ".log"}}
		for _, check := range []func(*Config, *staticPod) []Result{checkAuditFlags, checkMounted} {
			check(cfg, p)
		}
		if c, native := p.sidecar(); c != nil {
			sidecarMistakes(cfg, p, c, native)
		}
		p.logBytes()
	})
}

func TestFlags(t *testing.T) {
	p, err := parsePod([]byte(`kind: Pod
spec:
  containers:
  - name: x
    command: [/usr/local/bin/kube-apiserver, --a=1, --b, "2", --c, --a=3, --d=]
    args: [--e=x=y]
`))
	must(t, err)
	for name, want := range map[string]string{"a": "3", "b": "2", "c": "", "d": "", "e": "x=y"} {
		if got, given := p.flag(name); got != want || !given {
			t.Errorf("--%s: %q, %v", name, got, given)
		}
	}
	if _, given := p.flag("f"); given {
		t.Error("--f is not given")
	}
	if p.number("a", 7) != 3 || p.number("e", 7) != 7 || p.number("f", 7) != 7 {
		t.Error("numbers")
	}
}

func TestMeasuredRate(t *testing.T) {
	at := func(minute int, size int64, gzip bool) rotate.Segment {
		return rotate.Segment{Finished: true, Rotated: time.Unix(int64(minute)*60, 0), Size: size, Gzip: gzip}
	}
	for _, test := range []struct {
		name     string
		segments []rotate.Segment
		want     float64
	}{
		{"none", nil, 0},
		{"one", []rotate.Segment{at(1, 60, false)}, 0},
		{"two", []rotate.Segment{at(1, 99, false), at(2, 60, false)}, 1},
		{"the open file does not count", []rotate.Segment{at(1, 99, false), at(2, 60, false), {Size: 1 << 30}}, 1},
		{"compressed ones were full", []rotate.Segment{at(1, 99, false), at(2, 1, true)}, 10},
		{"one time", []rotate.Segment{at(1, 99, false), at(1, 60, false)}, 0},
	} {
		if got, _ := measuredRate(test.segments, 600); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
