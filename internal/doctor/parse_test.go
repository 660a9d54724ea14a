package doctor

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/rotate"
)

func TestMountOf(t *testing.T) {
	n := good(t)
	n.write(t, "proc/self/mountinfo", `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 /logs /var/log rw - xfs /dev/sdb1 rw
31 22 8:2 /logs /var/log ro - xfs /dev/sdb1 rw
32 22 8:3 /a\040b /srv/a\040b rw - ext4 /dev/sdc1 ro,errors=continue
`)
	all, err := readMounts(n.cfg.Proc)
	must(t, err)
	type want struct {
		id       int
		kind     string
		readOnly bool
	}
	for path, want := range map[string]want{
		"/etc":           {22, "ext4", false},
		"/var/logs":      {22, "ext4", false},
		"/var/log":       {31, "xfs", true}, // the last one is on top
		"/var/log/x/y":   {31, "xfs", true},
		"/srv/a b/audit": {32, "ext4", true},
	} {
		if got := all.of(path); got.MountID != want.id || got.FSType != want.kind || readOnly(got) != want.readOnly {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	n.write(t, "proc/self/mountinfo", "nonsense\n")
	if r := checkMount(t.Context(), &n.cfg); len(r) != 1 || r[0].Severity != Info {
		t.Errorf("nonsense: %+v", r)
	}
}

func FuzzParsePod(f *testing.F) {
	f.Add([]byte(manifest))
	f.Add([]byte("kind: Pod\nspec: {containers: [{name: kube-apiserver, command: [a, --audit-log-maxsize], volumeMounts: [{name: a, mountPath: /}]}], volumes: [{name: a}]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePod(data)
		if err != nil {
			return
		}
		cfg := &Config{Log: rotate.Log{Dir: "/var/log/kubernetes/audit", Base: "audit", Ext: ".log"}, pod: p}
		checkAuditFlags(t.Context(), cfg)
		checkMounted(t.Context(), cfg)
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
