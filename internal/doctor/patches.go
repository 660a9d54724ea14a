package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checkPatches checks the patches of the next kubeadm upgrade. A sidecar in a
// pod of its own needs no patch.
func checkPatches(_ context.Context, cfg *Config) (all []Result) {
	if cfg.pod == nil || cfg.Patches == "" {
		return nil
	}
	if c, _ := cfg.pod.sidecar(); c == nil {
		return nil
	}
	found, err := CheckPatches(os.DirFS(cfg.Patches))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(Warning, "keep the patches there, or give --patches", "%s does not exist: the next kubeadm upgrade removes the sidecar", cfg.Patches)
	case err != nil:
		return one(Warning, "let doctor read it", "%s", err)
	case len(found) == 0:
		return one(OK, "", "%s has the patch", cfg.Patches)
	}
	for _, f := range found {
		all = append(all, result(Warning, "take manifests/kubeadm-patches/kube-apiserver0+strategic.yaml", "%s: %s", cfg.Patches, f))
	}
	return all
}

// patchTargets are the components that kubeadm can patch.
var patchTargets = []string{
	apiserverName, "etcd", "kube-controller-manager", "kube-scheduler",
	"kubeletconfiguration", "corednsdeployment", "kubeproxydaemonset",
}

// patchName is how kubeadm reads a name that has one of its extensions.
var patchName = regexp.MustCompile(`^(` + strings.Join(patchTargets, "|") + `)([^.+\n]*)?(\+)?(json|merge|strategic)?`)

// CheckPatches returns the mistakes in a kubeadm patches directory that is to add the sidecar to
// kube-apiserver's pod, one sentence each, in the order of the file names. It is an error only if
// the directory cannot be read.
//
// kubeadm (patches.directory of InitConfiguration, JoinConfiguration and UpgradeConfiguration)
// walks the directory with all below it. A file named
//
//	TARGET[SUFFIX][+json|+merge|+strategic].yaml or .json
//
// is a patch of TARGET; without a type it is a strategic merge. Everything else is ignored with no
// more than a line in kubeadm's output, and kube-apiserver starts without the sidecar. A merge
// patch replaces lists as a whole: with spec.containers it drops kube-apiserver. A strategic merge
// puts new containers before those that it does not name. (kubernetes v1.37,
// cmd/kubeadm/app/util/patches.)
func CheckPatches(dir fs.FS) ([]string, error) {
	c := new(patchChecker)
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
		c.findings = append(c.findings, "no file here adds the container "+sidecarName+" to kube-apiserver's pod: it would start without the sidecar; kube-apiserver0+strategic.yaml is missing")
	}
	return c.findings, nil
}

// patchChecker collects faults of patches.
type patchChecker struct {
	findings []string
	found    bool // a patch that adds the sidecar
}

func (c *patchChecker) report(name, format string, args ...any) {
	c.findings = append(c.findings, name+": "+fmt.Sprintf(format, args...))
}

// file judges the name, then the content.
func (c *patchChecker) file(name string, content []byte) {
	base := path.Base(name)
	if ext := path.Ext(base); ext != ".yaml" && ext != ".json" || base == ext {
		c.report(name, "kubeadm ignores it: the name must end in .yaml or .json")
		return
	}
	sub := patchName.FindStringSubmatch(base)
	switch {
	case sub == nil:
		c.report(name, "kubeadm ignores it: the name must begin with one of %s", strings.Join(patchTargets, ", "))
	case sub[3] != "" && sub[4] == "":
		c.report(name, "kubeadm stops at it: after '+' comes json, merge or strategic")
	case len(content) == 0:
		c.report(name, "kubeadm ignores it: it is empty")
	case sub[1] != apiserverName:
	case sub[4] == "json": // its effect depends on the manifest: any mention of the sidecar counts
		c.found = c.found || bytes.Contains(content, []byte(sidecarName))
	default:
		c.documents(name, content, sub[4] == "merge")
	}
}

// documents judges the pods of one file.
func (c *patchChecker) documents(name string, content []byte, merge bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var p staticPod
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

func (c *patchChecker) pod(name string, p *staticPod) {
	at := func(list []container, name string) int {
		return slices.IndexFunc(list, func(c container) bool { return c.Name == name })
	}
	server, ours := at(p.Spec.Containers, apiserverName), at(p.Spec.Containers, sidecarName)
	if server >= 0 && len(p.Spec.Containers[server].Command) > 0 {
		c.report(name, "command of kube-apiserver: a patch replaces every flag that kubeadm has set; flags belong into apiServer.extraArgs of the ClusterConfiguration")
	}
	if ours >= 0 {
		if server < 0 || server > ours {
			c.report(name, "auditsidecar would be the pod's first container: list `- name: kube-apiserver` before it")
		}
		c.sidecar(name, p, p.Spec.Containers[ours])
	}
	if i := at(p.Spec.InitContainers, sidecarName); i >= 0 {
		c.report(name, "auditsidecar is an init container: while its image cannot be pulled, kube-apiserver does not start; list it under containers")
		c.sidecar(name, p, p.Spec.InitContainers[i])
	}
}

// sidecar judges the container that the patch adds.
func (c *patchChecker) sidecar(name string, p *staticPod, ours container) {
	c.found = true
	if ours.ReadinessProbe != nil {
		c.report(name, "readinessProbe of auditsidecar: whenever S3 or Loki is unavailable, the pod would not be ready and kube-apiserver out of service")
	}
	for _, m := range ours.VolumeMounts {
		if p.volume(m.Name) == nil {
			c.report(name, "volume %s of auditsidecar is not in this patch: without it in apiServer.extraVolumes the pod is invalid and kube-apiserver does not start", m.Name)
		}
		if strings.HasSuffix(m.MountPath, ".log") {
			c.report(name, "auditsidecar mounts the file %s: mount its directory, a mounted file does not see rotation", m.MountPath)
		}
	}
}
