package doctor

import (
	"cmp"
	"context"
	"path"
)

// checkAuditFlags compares kube-apiserver's audit flags with the advised ones.
func checkAuditFlags(_ context.Context, cfg *Config) []Result {
	pod, ours := cfg.pod, path.Clean(cfg.onHost(cfg.Log.Path()))
	if pod.apiserver() == nil || pod.unknown {
		return nil // checkManifest reports it
	}
	set := cmp.Or(cfg.layout.flags, "in ClusterConfiguration: apiServer.extraArgs")
	logPath, _ := pod.flag("audit-log-path")
	toFile := logPath != "" && logPath != "-"
	policy, _ := pod.flag("audit-policy-file")
	size, age := pod.number("audit-log-maxsize", defaultMaxSize), pod.number("audit-log-maxage", 366)
	_, bounded := pod.flag("audit-log-maxbackup")
	backups := pod.number("audit-log-maxbackup", 0)
	has := func(flag, bad string) bool {
		value, given := pod.flag(flag)
		return given && (value == bad || value == "" && bad == "true") // a boolean flag needs no value
	}
	wrong := every(
		finding{logPath == "", result(Error, "add --audit-log-path="+ours+" ("+set+")", "kube-apiserver has no --audit-log-path: it logs nothing")},
		finding{logPath == "-", result(Error, "--audit-log-path="+ours, "kube-apiserver's --audit-log-path is -: it logs to standard output and leaves no file")},
		finding{toFile && path.Clean(logPath) != ours && pod.hostPath(pod.apiserver(), logPath) != ours,
			result(Error, "give both the same path", "kube-apiserver's --audit-log-path is %s, the sidecar's %s", logPath, ours)},
		finding{policy == "", result(Error, "add --audit-policy-file with the file that `auditsidecar policy print` makes ("+set+")",
			"kube-apiserver has no --audit-policy-file: it logs nothing")},
		finding{size <= 0, result(Error, "--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is 0: it never rotates, and a file is archived as a whole only when it is rotated")},
		finding{size > 0 && size < 10, result(Warning, "--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is %d MiB: many small objects, and long lines are lost (one line must fit)", size)},
		finding{size > 1024, result(Warning, "--audit-log-maxsize=100", "kube-apiserver's --audit-log-maxsize is %d MiB: converting such a file takes as much free disk again", size)},
		finding{age == 1, result(Warning, "--audit-log-maxage=30", "kube-apiserver's --audit-log-maxage is 1 day: a backup is pruned by its age, archived or not")},
		finding{!bounded, result(Warning, "--audit-log-maxbackup=10", "kube-apiserver has no --audit-log-maxbackup: 100 backups since 1.36, without a limit before")},
		finding{bounded && backups <= 0, result(Warning, "--audit-log-maxbackup=10", "kube-apiserver's --audit-log-maxbackup is 0: backups fill the disk")},
		finding{backups == 1 || backups == 2, result(Warning, "--audit-log-maxbackup=10",
			"kube-apiserver's --audit-log-maxbackup is %d: while the sidecar is stopped, backups are pruned unseen after %d rotations", backups, backups)},
		finding{has("audit-log-format", "legacy"), result(Error, "--audit-log-format=json", "kube-apiserver's --audit-log-format is legacy: the lines are not JSON events")},
		finding{has("audit-log-compress", "true"), result(Warning, "remove it",
			"kube-apiserver's --audit-log-compress is true: it costs kube-apiserver CPU, the archive is smaller anyway, and a backup can be archived only when its .gz is complete")},
		finding{has("audit-log-mode", "batch"), result(Warning, "--audit-log-mode=blocking, the default", "kube-apiserver's --audit-log-mode is batch: events are dropped when its buffer is full")},
		finding{has("audit-log-truncate-enabled", "true"), result(Warning, "remove it",
			"kube-apiserver's --audit-log-truncate-enabled is true: it removes the bodies of large events before they are logged")},
	)
	wrong = append(wrong, changedFlags(cfg)...)
	if len(wrong) > 0 {
		return wrong
	}
	return one(OK, "", "kube-apiserver's audit flags are as advised")
}

// changedFlags compares the audit flags of the static pod with those of the settings that it is made of.
func changedFlags(cfg *Config) (all []Result) {
	for _, name := range []string{"audit-log-path", "audit-policy-file", "audit-log-maxsize", "audit-log-maxbackup", "audit-log-maxage"} {
		now, _ := cfg.pod.flag(name)
		if next, _ := cfg.settings.flag(name); cfg.settings != nil && now != next {
			all = append(all, result(Warning, "restart it: "+cfg.layout.name+" writes the static pod at its start",
				"kube-apiserver runs with --%s=%s, the settings (%s) say %q", name, now, cfg.layout.flags, next))
		}
	}
	return all
}
