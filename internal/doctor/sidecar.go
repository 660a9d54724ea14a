package doctor

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// checkSidecar looks for the sidecar in kube-apiserver's pod and beside it.
func checkSidecar(ctx context.Context, cfg *Config) []Result {
	if cfg.pod == nil {
		return nil
	}
	pods := []*staticPod{cfg.pod}
	if !cfg.pod.synthetic && !cfg.pod.hosted {
		pods = append(pods, otherPods(cfg)...)
	}
	for _, p := range pods {
		c, native := p.sidecar()
		if c == nil {
			continue
		}
		if wrong := sidecarMistakes(cfg, p, c, native); len(wrong) > 0 {
			return wrong
		}
		if p == cfg.pod {
			return one(OK, "", "%s has the sidecar, %s", cfg.Manifest, c.Image)
		}
		return one(OK, "", "a static pod beside kube-apiserver's has the sidecar, %s", c.Image)
	}
	const absent = "no sidecar is in a static pod here, and none answers at %s"
	again := "give the patches again: kubeadm upgrade and join need patches.directory each time (see docs/upgrade.md)"
	return first(
		finding{cfg.pod.hosted, result(Error, "add the container and its mount of the log's volume to the pod (docs/layouts.md)", "%s has no sidecar", cfg.Manifest)},
		finding{cfg.answers(ctx), result(OK, "", "no static pod has the sidecar, but one answers at %s: a DaemonSet or a service", cfg.Listen)},
		finding{cfg.pod.synthetic, result(Error, "install the DaemonSet or the package (docs/daemonset.md, docs/install.md)", absent, cfg.Listen)},
		finding{strings.Contains(cfg.layout.notes, "use the DaemonSet"), result(Error, "install the DaemonSet (docs/daemonset.md)", absent, cfg.Listen)},
		finding{true, result(Error, again+"; with a DaemonSet: it does not run", "neither %s nor another manifest beside it has the sidecar", cfg.Manifest)},
	)
}

// answers says whether a sidecar runs on this node.
func (cfg *Config) answers(ctx context.Context) bool {
	if cfg.Listen == "" {
		return false
	}
	u := url.URL{Scheme: "http", Host: cfg.Listen, Path: "/livez"}
	a, err := ask(ctx, peer{client: http.DefaultClient}, http.MethodGet, u.String(), "")
	return err == nil && a.code == http.StatusOK
}

func sidecarMistakes(cfg *Config, pod *staticPod, c *container, native bool) []Result {
	m, v := pod.mountFor(c, cfg.onHost(cfg.Log.Dir))
	mounted := v != nil && (v.HostPath != nil || pod.hosted)
	file := mounted && (m.SubPath != "" && path.Base(m.SubPath) == cfg.Log.Name() || isFile(v))
	return append(every(
		finding{native, result(Warning, "make it an ordinary container (manifests/kubeadm-patches)",
			"the sidecar is an init container: while its image cannot be started, kube-apiserver does not start")},
		finding{native && c.RestartPolicy != "Always", result(Error, "add restartPolicy: Always", "the sidecar is an init container that never ends: kube-apiserver does not start")},
		finding{c.ImagePullPolicy == "Always", result(Warning, "imagePullPolicy: IfNotPresent", "the sidecar needs the registry at each start")},
		finding{pod.apiserver() != nil && (c.ReadinessProbe != nil || c.StartupProbe != nil),
			result(Warning, "remove it", "the sidecar has a readinessProbe or startupProbe: while a sink is unavailable, kube-apiserver's pod is not ready")},
		finding{!mounted, result(Error, "mount the audit directory from the host", "the sidecar has no hostPath volume at %s", cfg.onHost(cfg.Log.Dir))},
		finding{file, result(Error, "mount the directory, as type DirectoryOrCreate", "the sidecar mounts the log as a single file: it does not see rotation")},
		finding{mounted && !file && m.ReadOnly && !cfg.Copy, result(Error, "mount it writable, or run with --hold=copy and a --state-dir elsewhere",
			"the sidecar mounts %s read-only: it cannot make its hard links", m.MountPath)},
	), blockingVolumes(pod, c)...)
}

// blockingVolumes finds volumes of the sidecar alone that can keep its pod, and
// kube-apiserver with it, from starting.
func blockingVolumes(pod *staticPod, c *container) (all []Result) {
	server := pod.apiserver()
	if server == nil {
		return nil
	}
	for _, m := range c.VolumeMounts {
		if slices.ContainsFunc(server.VolumeMounts, func(o volumeMount) bool { return o.Name == m.Name }) {
			continue
		}
		v := pod.volume(m.Name)
		if v != nil && v.HostPath != nil && !slices.Contains([]string{"", "DirectoryOrCreate", "FileOrCreate"}, v.HostPath.Type) {
			all = append(all, result(Warning, "type: DirectoryOrCreate",
				"the volume %s has the type %s: while it is missing on the host, kube-apiserver does not start either", m.Name, v.HostPath.Type))
		}
	}
	return all
}

func isFile(v *volume) bool {
	return v.HostPath != nil && (v.HostPath.Type == "File" || v.HostPath.Type == "FileOrCreate")
}

// checkMounted looks at how kube-apiserver mounts the log.
func checkMounted(_ context.Context, cfg *Config) []Result {
	pod := cfg.pod
	logPath, _ := pod.flag("audit-log-path")
	if logPath == "" || logPath == "-" || pod.unknown || pod.synthetic {
		return nil // checkAuditFlags or checkManifest reports it; without a pod there is no mount
	}
	m, v := pod.mountFor(pod.apiserver(), logPath)
	fix := "mount the directory " + path.Dir(logPath) + " (extraVolumes, pathType: DirectoryOrCreate)"
	switch {
	case pod.hosted && v != nil && v.EmptyDir != nil:
		return one(Info, "a persistent volume keeps them", "kube-apiserver's %s is in an emptyDir: lines that are not archived are lost with the pod", logPath)
	case pod.hosted && v != nil:
		return one(OK, "", "kube-apiserver writes %s, in the volume %s", logPath, v.Name)
	case v == nil || v.HostPath == nil:
		return one(Error, fix, "kube-apiserver's %s is on no volume: it ends with the container, and no other pod sees it", logPath)
	case isFile(v) || path.Clean(m.MountPath) == path.Clean(logPath):
		return one(Error, fix, "kube-apiserver's %s is mounted as a single file: it cannot be rotated", logPath)
	case m.ReadOnly:
		return one(Error, fix+", writable", "kube-apiserver's %s is mounted read-only", m.MountPath)
	}
	host, ours := pod.hostPath(pod.apiserver(), logPath), ""
	if c, _ := pod.sidecar(); c != nil {
		ours = pod.hostPath(c, cfg.onHost(cfg.Log.Path()))
	}
	return first(
		finding{ours != "" && ours != host, result(Error, "give both the same directory of the host", "kube-apiserver writes the host's %s, the sidecar reads the host's %s", host, ours)},
		finding{filepath.Clean(host) != filepath.Clean(cfg.onHost(cfg.Log.Path())), result(Info, "", "kube-apiserver writes the host's %s; this check looked at %s", host, cfg.Log.Path())},
		finding{true, result(OK, "", "kube-apiserver writes %s, in a directory of the host", host)},
	)
}

// checkRunning asks the sidecar that runs here, if one does, for the cause of its waits.
func checkRunning(ctx context.Context, cfg *Config) []Result {
	if cfg.Listen == "" {
		return nil
	}
	u := url.URL{Scheme: "http", Host: cfg.Listen, Path: "/readyz", RawQuery: "verbose"}
	a, err := ask(ctx, peer{client: http.DefaultClient}, http.MethodGet, u.String(), "")
	return first(
		finding{err != nil, result(Info, "", "no sidecar answers at %s", cfg.Listen)},
		finding{a.code == http.StatusOK, result(OK, "", "the sidecar that runs at %s is ready", cfg.Listen)},
		finding{true, result(Warning, "remove the cause; `curl -s '"+u.String()+"'` has all of it", "the sidecar that runs at %s is not ready: %s", cfg.Listen, a.text)},
	)
}
