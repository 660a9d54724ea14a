package doctor

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/apiserver"
)

// staticPod has the fields of a pod's manifest that are checked.
type staticPod struct {
	Kind string
	Spec podSpec

	synthetic bool // made of flags: kube-apiserver runs without a pod
	unknown   bool // its flags are in a file that cannot be read
	hosted    bool // of a control plane that runs as pods of another cluster
}

type podSpec struct {
	InitContainers  []container `yaml:"initContainers"`
	Containers      []container
	Volumes         []volume
	SecurityContext securityContext `yaml:"securityContext"`
}

type securityContext struct {
	RunAsUser *int64 `yaml:"runAsUser"`
}

type container struct {
	Name            string
	Image           string
	ImagePullPolicy string `yaml:"imagePullPolicy"`
	RestartPolicy   string `yaml:"restartPolicy"`
	Command         []string
	Args            []string
	VolumeMounts    []volumeMount   `yaml:"volumeMounts"`
	ReadinessProbe  any             `yaml:"readinessProbe"`
	StartupProbe    any             `yaml:"startupProbe"`
	SecurityContext securityContext `yaml:"securityContext"`
}

type volumeMount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	SubPath   string `yaml:"subPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

type volume struct {
	Name     string
	HostPath *hostPath `yaml:"hostPath"`
	EmptyDir *struct{} `yaml:"emptyDir"`
}

type hostPath struct {
	Path string
	Type string
}

// parsePod reads a manifest, YAML or JSON: a pod, or the workload of a hosted control plane.
func parsePod(data []byte) (*staticPod, error) {
	p := new(staticPod)
	if err := yaml.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	switch p.Kind {
	case "Pod":
		return p, nil
	case "Deployment", "StatefulSet":
		var d struct {
			Spec struct {
				Template struct{ Spec podSpec }
			}
		}
		if err := yaml.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		return &staticPod{Kind: p.Kind, Spec: d.Spec.Template.Spec, hosted: true}, nil
	}
	return nil, fmt.Errorf("kind is %q, not Pod, Deployment or StatefulSet", p.Kind)
}

// The names of the containers.
const (
	apiserverName = "kube-apiserver"
	sidecarName   = "auditsidecar"
)

// find returns the first element that matches, nil if none does.
func find[T any](list []T, matches func(T) bool) *T {
	if i := slices.IndexFunc(list, matches); i >= 0 {
		return &list[i]
	}
	return nil
}

// apiserver returns kube-apiserver's container, nil without one.
func (p *staticPod) apiserver() *container {
	if p == nil {
		return nil
	}
	return find(p.Spec.Containers, func(c container) bool {
		return c.Name == apiserverName || len(c.Command) > 0 && path.Base(c.Command[0]) == apiserverName
	})
}

// isSidecar says whether a container runs auditsidecar.
func isSidecar(c container) bool {
	image, _, _ := strings.Cut(path.Base(c.Image), "@")
	image, _, _ = strings.Cut(image, ":")
	return c.Name == sidecarName || image == sidecarName
}

// sidecar returns the container of ours, and whether it is an init container.
func (p *staticPod) sidecar() (c *container, native bool) {
	if c = find(p.Spec.Containers, isSidecar); c != nil {
		return c, false
	}
	c = find(p.Spec.InitContainers, isSidecar)
	return c, c != nil
}

// user is the user that kube-apiserver runs as.
func (p *staticPod) user() int64 {
	for _, c := range []securityContext{p.apiserver().SecurityContext, p.Spec.SecurityContext} {
		if c.RunAsUser != nil {
			return *c.RunAsUser
		}
	}
	return 0
}

// volume returns a volume by its name, nil without one.
func (p *staticPod) volume(name string) *volume {
	return find(p.Spec.Volumes, func(v volume) bool { return v.Name == name })
}

// flag returns the value of kube-apiserver's flag, and whether it is given.
func (p *staticPod) flag(name string) (value string, given bool) {
	c := p.apiserver()
	if c == nil {
		return "", false
	}
	value, given = apiserver.Flags(slices.Concat(c.Command, c.Args))[name]
	return value, given
}

// number returns the value of a numeric flag, or the default that kube-apiserver takes
// without it.
func (p *staticPod) number(name string, absent int64) int64 {
	text, given := p.flag(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if !given || err != nil {
		return absent
	}
	return n
}

// kube-apiserver's defaults since 1.36. Before, there was no rotation limit of
// backups.
const (
	defaultMaxSize   = 100 // MiB
	defaultMaxBackup = 100
)

// logBytes is the most that the log's files use, 0 where that is not bounded or
// not known.
func (p *staticPod) logBytes() int64 {
	if p.apiserver() == nil {
		return 0
	}
	size, backups := p.number("audit-log-maxsize", defaultMaxSize), p.number("audit-log-maxbackup", defaultMaxBackup)
	if size <= 0 || backups <= 0 {
		return 0
	}
	return (size << 20) * (backups + 1)
}

// mountFor returns the mount of a container that holds a path, and its volume.
func (p *staticPod) mountFor(c *container, file string) (best volumeMount, found *volume) {
	for _, m := range c.VolumeMounts {
		v := p.volume(m.Name)
		if v != nil && within(file, path.Clean(m.MountPath)) && len(m.MountPath) >= len(best.MountPath) {
			best, found = m, v
		}
	}
	return best, found
}

// hostPath translates a path in a container to the host's. A path that is on no
// hostPath is returned as it is.
func (p *staticPod) hostPath(c *container, file string) string {
	m, v := p.mountFor(c, file)
	if v == nil || v.HostPath == nil {
		return file
	}
	return path.Join(v.HostPath.Path, m.SubPath, strings.TrimPrefix(file, path.Clean(m.MountPath)))
}

// checkManifest reads the manifest for this check and those after it.
func checkManifest(_ context.Context, cfg *Config) []Result {
	if cfg.pod != nil {
		return one(OK, "", "kube-apiserver has no static pod: its flags are read from %s's settings", cfg.layout.name)
	}
	if cfg.Manifest == "" || cfg.Manifest == AutoManifest {
		return one(Info, "run doctor on the node, or give --manifest (kubectl -n kube-system get pod kube-apiserver-NODE -o yaml)",
			"no manifest of kube-apiserver was found: its flags and mounts are not checked")
	}
	data, err := os.ReadFile(cfg.Manifest)
	if err != nil {
		return one(Error, "give --manifest with the path of kube-apiserver's static pod on this node", "%s", err)
	}
	p, err := parsePod(data)
	if err != nil {
		return one(Error, "give kube-apiserver's manifest", "%s: %s", cfg.Manifest, err)
	}
	if p.apiserver() == nil {
		return one(Error, "give kube-apiserver's manifest; a patch of the type +merge removes its container", "%s has no container %s", cfg.Manifest, apiserverName)
	}
	cfg.pod = p
	if file, err := cfg.readOpenShift(p); err != nil {
		p.unknown = true
		return one(Info, "run doctor on the node, as root", "kube-apiserver's flags are in %s: %s", file, err)
	}
	if p.hosted {
		return one(OK, "", "%s is a %s: a hosted control plane", cfg.Manifest, p.Kind)
	}
	if p.Spec.Containers[0].Name != p.apiserver().Name {
		return one(Warning, "in the patch list `- name: kube-apiserver` before the sidecar",
			"kube-apiserver is not the first container of %s: kubectl logs and exec go to another one by default", cfg.Manifest)
	}
	return one(OK, "", "%s has kube-apiserver as its first container", cfg.Manifest)
}

// otherPods are the other manifests beside kube-apiserver's.
func otherPods(cfg *Config) []*staticPod {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(cfg.Manifest), "[^.]*")) // as kubelet reads them; the pattern is valid
	var all []*staticPod
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || filepath.Clean(file) == filepath.Clean(cfg.Manifest) {
			continue
		}
		if p, err := parsePod(data); err == nil {
			all = append(all, p)
		}
	}
	return all
}
