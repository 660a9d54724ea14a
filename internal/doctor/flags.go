package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
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

// k3sFlags reads the flags that k3s gives to kube-apiserver.
func k3sFlags(cfg *Config) (*staticPod, error) {
	settings, err := cfg.rancher("k3s", "k3s.service")
	if err != nil {
		return nil, err
	}
	return onTheHost(dashed(settings[apiserverArg])), nil
}

// rke2Flags reads the flags that RKE2 writes into the static pod at its next start.
func rke2Flags(cfg *Config) (*staticPod, error) {
	settings, err := cfg.rancher("rke2", "rke2-server.service")
	if err != nil {
		return nil, err
	}
	last := func(key, absent string) string {
		if all := settings[key]; len(all) > 0 {
			return all[len(all)-1]
		}
		return absent
	}
	var args []string
	policy := last("audit-policy-file", "")
	if policy == "" && strings.HasPrefix(last("profile", ""), "cis") {
		policy = "/etc/rancher/rke2/audit-policy.yaml"
	}
	if policy != "" {
		args = []string{
			"--audit-policy-file=" + policy, "--audit-log-maxage=30", "--audit-log-maxbackup=10", "--audit-log-maxsize=100",
			"--audit-log-path=" + path.Join(last("data-dir", "/var/lib/rancher/rke2"), "server/logs/audit.log"),
		}
	}
	return onTheHost(append(args, dashed(settings[apiserverArg])...)), nil
}

// apiserverArg is the setting of k3s and RKE2 that has kube-apiserver's flags.
const apiserverArg = "kube-apiserver-arg"

// dashed are flags as kube-apiserver has them.
func dashed(args []string) (all []string) {
	for _, a := range args {
		all = append(all, "--"+strings.TrimPrefix(a, "--"))
	}
	return all
}

// rancher reads the settings of k3s or RKE2 that the audit log depends on: config.yaml, then config.yaml.d in the order
// of names, then the command line of the unit. The last list counts; one under a key that ends in + is appended, and so
// is the command line's.
func (cfg *Config) rancher(program, unit string) (map[string]words, error) {
	command, err := cfg.execStart(unit)
	if err != nil {
		return nil, err
	}
	all, file := make(map[string]words), "/etc/rancher/"+program+"/config.yaml"
	given := make(map[string]words)
	for i, word := range command {
		name, value, hasValue := strings.Cut(word, "=")
		if !hasValue && i+1 < len(command) {
			value = command[i+1]
		}
		if key := strings.TrimLeft(name, "-"); key != name {
			given[key] = append(given[key], value)
		}
	}
	for _, other := range append(given["c"], given["config"]...) {
		file = other
	}
	more, err := os.ReadDir(cfg.host(file + ".d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := []string{cfg.host(file)}
	for _, f := range more {
		if ext := strings.ToLower(filepath.Ext(f.Name())); !f.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(cfg.host(file+".d"), f.Name()))
		}
	}
	for _, file := range files {
		if err := readRancher(file, all); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, key := range rancherKeys() {
		all[key] = append(all[key], given[key]...)
	}
	return all, nil
}

// rancherKeys are the settings that are read.
func rancherKeys() []string {
	return []string{apiserverArg, "audit-policy-file", "profile", "data-dir"}
}

// readRancher adds the settings of one file.
func readRancher(file string, all map[string]words) error {
	data, err := readSmall(file)
	if err != nil {
		return err
	}
	var settings map[string]yaml.Node
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, key := range rancherKeys() {
		for _, name := range []string{key, key + "+"} {
			node, ok := settings[name]
			if !ok {
				continue
			}
			var list words
			if err := node.Decode(&list); err != nil {
				return fmt.Errorf("%s: %s: %w", file, name, err)
			}
			if name == key {
				all[key] = nil
			}
			all[key] = append(all[key], list...)
		}
	}
	return nil
}

// execStart reads the command of a unit: ExecStart of the first file of its name, unless one of its drop-ins has another
// one. A unit that does not exist has no command.
func (cfg *Config) execStart(unit string) (command []string, err error) {
	var files []string
	for _, dir := range []string{"/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"} {
		if _, err := os.Stat(cfg.host(dir + unit)); err == nil && len(files) == 0 {
			files = []string{cfg.host(dir + unit)}
		}
	}
	changes, err := filepath.Glob(cfg.host("/etc/systemd/system/" + unit + ".d/*.conf"))
	if err != nil {
		return nil, err
	}
	for _, name := range append(files, changes...) {
		data, err := readSmall(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(strings.NewReplacer("\\\r\n", " ", "\\\n", " ", `"`, "", `'`, "").Replace(string(data))) {
			if words, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); ok && words != "" {
				command = strings.Fields(words)
			}
		}
	}
	return command, nil
}

// unitFlags reads the flags of kube-apiserver's unit.
func unitFlags(cfg *Config) (*staticPod, error) {
	command, err := cfg.execStart(path.Base(kubeServiceUnit))
	if err == nil && !slices.ContainsFunc(command, func(word string) bool { return strings.Contains(word, apiserverName) }) {
		err = fmt.Errorf("%s has no ExecStart with kube-apiserver", cfg.host(kubeServiceUnit))
	}
	if err != nil {
		return nil, err
	}
	return onTheHost(command), nil
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
