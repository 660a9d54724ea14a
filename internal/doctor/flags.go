package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kubeServiceUnit is where kube-apiserver's unit is by convention.
const kubeServiceUnit = "/etc/systemd/system/kube-apiserver.service"

// maxSettings bounds a file with kube-apiserver's flags.
const maxSettings = 1 << 20

// onTheHost is the pod that a kube-apiserver without one would have: all of the host is mounted.
func onTheHost(args []string) *staticPod {
	p := &staticPod{Kind: "Pod"}
	p.Spec.Containers = []container{{Name: apiserverName, Args: args, VolumeMounts: []volumeMount{{Name: "host", MountPath: "/"}}}}
	p.Spec.Volumes = []volume{{Name: "host", HostPath: &hostPath{Path: "/"}}}
	p.synthetic = true
	return p
}

// words is a list of arguments in YAML: one, or several.
type words []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = words{n.Value}
		return nil
	}
	return n.Decode((*[]string)(w))
}

// k3sFlags reads the flags that k3s' configuration has for kube-apiserver: in config.yaml, then in config.yaml.d in
// the order of names. The last list counts; one under a key that ends in + is appended.
func k3sFlags(cfg *Config) (*staticPod, error) {
	const dir = "/etc/rancher/k3s/"
	files, err := filepath.Glob(cfg.host(dir + "config.yaml.d/*.y*ml"))
	if err != nil {
		return nil, err
	}
	var args words
	for _, file := range append([]string{cfg.host(dir + "config.yaml")}, files...) {
		data, err := readSmall(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var settings struct {
			Args words `yaml:"kube-apiserver-arg"`
			More words `yaml:"kube-apiserver-arg+"`
		}
		if err == nil {
			err = yaml.Unmarshal(data, &settings)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if settings.Args != nil {
			args = settings.Args
		}
		args = append(args, settings.More...)
	}
	for i, a := range args {
		args[i] = "--" + strings.TrimPrefix(a, "--")
	}
	return onTheHost(args), nil
}

// unitFlags reads the flags of kube-apiserver's unit.
func unitFlags(cfg *Config) (*staticPod, error) {
	data, err := readSmall(cfg.host(kubeServiceUnit))
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("\\\r\n", " ", "\\\n", " ").Replace(string(data))
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); ok && strings.Contains(command, apiserverName) {
			return onTheHost(strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(command))), nil
		}
	}
	return nil, fmt.Errorf("%s has no ExecStart with kube-apiserver", cfg.host(kubeServiceUnit))
}

// openShiftConfig finds the file that has the flags of OpenShift's kube-apiserver.
var openShiftConfig = regexp.MustCompile(`--openshift-config=(\S+)`)

// readOpenShift adds to the container the flags that OpenShift has in a file, and returns the file; an empty name if it
// names none.
func (cfg *Config) readOpenShift(p *staticPod) (string, error) {
	server := p.apiserver()
	found := openShiftConfig.FindStringSubmatch(strings.Join(slices.Concat(server.Command, server.Args), " "))
	if found == nil {
		return "", nil
	}
	file := cfg.host(p.hostPath(server, found[1]))
	data, err := readSmall(file)
	if err != nil {
		return file, err
	}
	var settings struct {
		Arguments map[string]words `yaml:"apiServerArguments"`
	}
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return file, err
	}
	for name, values := range settings.Arguments {
		server.Args = append(server.Args, "--"+name+"="+strings.Join(values, ","))
	}
	return file, nil
}

// readSmall reads a regular file of bounded size.
func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxSettings:
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", file, maxSettings)
	}
	return os.ReadFile(file)
}
