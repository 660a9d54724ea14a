package kubeadm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// targets are what kubeadm can patch.
var targets = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
	"kubeletconfiguration", "corednsdeployment", "kubeproxydaemonset",
}

// fileName is how kubeadm reads a name that has one of its extensions.
var fileName = regexp.MustCompile(`^(` + strings.Join(targets, "|") + `)([^.+\n]*)?(\+)?(json|merge|strategic)?`)

const (
	apiServer = "kube-apiserver"
	sidecar   = "auditsidecar"
)

// CheckPatches returns what is wrong with a patches directory for a control
// plane that is to have the sidecar in kube-apiserver's pod, one sentence each,
// in the order of the file names. It is an error only where the directory
// cannot be read.
func CheckPatches(dir fs.FS) ([]string, error) {
	c := new(checker)
	if err := fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		c.file(name, content)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the patches directory: %w", err)
	}
	if !c.found {
		c.findings = append(c.findings, "no file here adds the container "+sidecar+" to kube-apiserver's pod: it would start without the sidecar; kube-apiserver0+strategic.yaml is missing")
	}
	return c.findings, nil
}

// checker collects what is found.
type checker struct {
	findings []string
	found    bool // a patch that adds the sidecar
}

func (c *checker) report(name, format string, args ...any) {
	c.findings = append(c.findings, name+": "+fmt.Sprintf(format, args...))
}

// file judges the name, then the content.
func (c *checker) file(name string, content []byte) {
	base := path.Base(name)
	if ext := path.Ext(base); ext != ".yaml" && ext != ".json" || base == ext {
		c.report(name, "kubeadm ignores it: the name must end in .yaml or .json")
		return
	}
	sub := fileName.FindStringSubmatch(base)
	switch {
	case sub == nil:
		c.report(name, "kubeadm ignores it: the name must begin with one of %s", strings.Join(targets, ", "))
		return
	case sub[3] != "" && sub[4] == "":
		c.report(name, "kubeadm stops at it: after '+' comes json, merge or strategic")
		return
	case len(content) == 0:
		c.report(name, "kubeadm ignores it: it is empty")
		return
	case sub[1] != apiServer:
		return
	}
	if sub[4] == "json" {
		c.jsonPatch(content)
		return
	}
	c.documents(name, content, sub[4] == "merge")
}

// jsonPatch takes any mention of the sidecar for a patch that adds it: what a
// JSON patch makes of a manifest cannot be told without the manifest.
func (c *checker) jsonPatch(content []byte) {
	c.found = c.found || bytes.Contains(content, []byte(sidecar))
}

// documents judges the pods of one file.
func (c *checker) documents(name string, content []byte, merge bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var p pod
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			c.report(name, "kubeadm stops at it: %v", err)
			return
		case merge && len(p.Spec.Containers) > 0:
			c.report(name, "a merge patch replaces spec.containers as a whole, kube-apiserver would be gone: rename it to end in +strategic.yaml")
		default:
			c.pod(name, &p)
		}
	}
}

// pod is what counts of a strategic patch of a pod.
type pod struct {
	Spec struct {
		Containers     []container `yaml:"containers"`
		InitContainers []container `yaml:"initContainers"`
		Volumes        []struct {
			Name string `yaml:"name"`
		} `yaml:"volumes"`
	} `yaml:"spec"`
}

type container struct {
	Name           string   `yaml:"name"`
	Command        []string `yaml:"command"`
	Args           []string `yaml:"args"`
	ReadinessProbe any      `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

func (c *checker) pod(name string, p *pod) {
	at := func(list []container, name string) int {
		return slices.IndexFunc(list, func(c container) bool { return c.Name == name })
	}
	server, ours := at(p.Spec.Containers, apiServer), at(p.Spec.Containers, sidecar)
	if server >= 0 && len(p.Spec.Containers[server].Command) > 0 {
		c.report(name, "command of %s: a patch replaces every flag that kubeadm has set; flags belong into apiServer.extraArgs of the ClusterConfiguration", apiServer)
	}
	if ours >= 0 {
		c.found = true
		if server < 0 || server > ours {
			c.report(name, "%s would be the pod's first container: list `- name: %s` before it", sidecar, apiServer)
		}
		c.sidecar(name, p, p.Spec.Containers[ours])
	}
	if i := at(p.Spec.InitContainers, sidecar); i >= 0 {
		c.found = true
		c.report(name, "%s is an init container: while its image cannot be pulled, %s does not start; list it under containers", sidecar, apiServer)
		c.sidecar(name, p, p.Spec.InitContainers[i])
	}
}

// sidecar judges the container that the patch adds.
func (c *checker) sidecar(name string, p *pod, ours container) {
	if ours.ReadinessProbe != nil {
		c.report(name, "readinessProbe of %s: whenever S3 or Loki is away, the pod would not be ready and %s out of service", sidecar, apiServer)
	}
	for _, m := range ours.VolumeMounts {
		own := slices.ContainsFunc(p.Spec.Volumes, func(v struct {
			Name string `yaml:"name"`
		}) bool {
			return v.Name == m.Name
		})
		if !own {
			c.report(name, "volume %s of %s is not in this patch: without it in apiServer.extraVolumes the pod is invalid and %s does not start", m.Name, sidecar, apiServer)
		}
		if strings.HasSuffix(m.MountPath, ".log") {
			c.report(name, "%s mounts the file %s: mount its directory, a mounted file does not see rotation", sidecar, m.MountPath)
		}
	}
}
