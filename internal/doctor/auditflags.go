package doctor

import (
	"context"
	"path"
	"slices"
)

// checkAuditFlags holds kube-apiserver's audit flags against what is advised.
func checkAuditFlags(_ context.Context, cfg *Config) []Result {
	if cfg.pod.apiserver() == nil {
		return nil
	}
	if wrong := slices.Concat(pathFlags(cfg), rotationFlags(cfg.pod), formFlags(cfg.pod)); len(wrong) > 0 {
		return wrong
	}
	return one(OK, "", "kube-apiserver's audit flags are as advised")
}

func pathFlags(cfg *Config) (all []Result) {
	pod := cfg.pod
	switch logPath, _ := pod.flag("audit-log-path"); {
	case logPath == "":
		all = append(all, result(Error, "add --audit-log-path="+cfg.Log.Path()+" (ClusterConfiguration apiServer.extraArgs)", "kube-apiserver has no --audit-log-path: it logs nothing"))
	case logPath == "-":
		all = append(all, result(Error, "--audit-log-path="+cfg.Log.Path(), "kube-apiserver's --audit-log-path is -: it logs to standard output and leaves no file"))
	case path.Clean(logPath) != path.Clean(cfg.Log.Path()) && pod.hostPath(pod.apiserver(), logPath) != path.Clean(cfg.Log.Path()):
		all = append(all, result(Error, "give both the same path", "kube-apiserver's --audit-log-path is %s, the sidecar's %s", logPath, cfg.Log.Path()))
	}
	if policy, _ := pod.flag("audit-policy-file"); policy == "" {
		all = append(all, result(Error, "--audit-policy-file=/etc/kubernetes/audit/audit-policy.yaml (`auditsidecar policy print`)",
			"kube-apiserver has no --audit-policy-file: it logs nothing"))
	}
	return all
}

func rotationFlags(pod *staticPod) (all []Result) {
	warn := func(fix, found string, args ...any) { all = append(all, result(Warning, fix, found, args...)) }
	switch size := pod.number("audit-log-maxsize", defaultMaxSize); {
	case size <= 0:
		all = append(all, result(Error, "--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is 0: it never rotates, and a file is archived as a whole only when it is rotated"))
	case size < 10:
		warn("--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is %d MiB: many small objects, and long lines are lost (one line must fit)", size)
	case size > 1024:
		warn("--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is %d MiB: converting such a file takes as much free disk again", size)
	}
	if age := pod.number("audit-log-maxage", 366); age == 1 {
		warn("--audit-log-maxage=30", "kube-apiserver's --audit-log-maxage is 1 day: a backup is pruned by its age, archived or not")
	}
	if _, given := pod.flag("audit-log-maxbackup"); !given {
		warn("--audit-log-maxbackup=10", "kube-apiserver has no --audit-log-maxbackup: 100 backups since 1.36, without a limit before")
	} else if backups := pod.number("audit-log-maxbackup", 0); backups <= 0 {
		warn("--audit-log-maxbackup=10", "kube-apiserver's --audit-log-maxbackup is 0: backups fill the disk")
	} else if backups < 3 {
		warn("--audit-log-maxbackup=10", "kube-apiserver's --audit-log-maxbackup is %d: while the sidecar is stopped, backups are pruned unseen after %d rotations", backups, backups)
	}
	return all
}

func formFlags(pod *staticPod) (all []Result) {
	for _, f := range []struct {
		name, bad string
		severity  Severity
		fix, why  string
	}{
		{"audit-log-format", "legacy", Error, "--audit-log-format=json", "the lines are no JSON events"},
		{"audit-log-compress", "true", Warning, "remove it", "it costs kube-apiserver CPU, the archive is smaller anyway, and a backup can be archived only when its .gz is complete"},
		{"audit-log-mode", "batch", Warning, "--audit-log-mode=blocking, the default", "events are dropped when its buffer is full"},
		{"audit-log-truncate-enabled", "true", Warning, "remove it", "it removes the bodies of large events before anybody has them"},
	} {
		value, given := pod.flag(f.name)
		if given && (value == f.bad || value == "" && f.bad == "true") { // a boolean flag needs no value
			all = append(all, result(f.severity, f.fix, "kube-apiserver's --%s is %s: %s", f.name, f.bad, f.why))
		}
	}
	return all
}
