package doctor

import (
	"context"
	"os"
)

// maxShown is how many findings of a policy are listed.
const maxShown = 5

// checkPolicy reads the audit policy that kube-apiserver has.
func checkPolicy(_ context.Context, cfg *Config) []Result {
	file, given := cfg.pod.flag("audit-policy-file")
	if !given || file == "" || cfg.Lint == nil {
		return nil // checkAuditFlags says it
	}
	if cfg.pod.hosted {
		return one(Info, "`auditsidecar policy lint` reads the policy in the ConfigMap", "the audit policy %s of a hosted control plane is not on this machine", file)
	}
	host := cfg.host(cfg.pod.hostPath(cfg.pod.apiserver(), file))
	data, err := os.ReadFile(host)
	if err != nil {
		return one(Error, "put the policy there (`auditsidecar policy print`): kube-apiserver does not start without it", "%s", err)
	}
	found := cfg.Lint(data)
	if len(found) == 0 {
		return one(OK, "", "%s: nothing found", host)
	}
	var all []Result
	for _, f := range found[:min(len(found), maxShown)] {
		all = append(all, result(Warning, "see `auditsidecar policy lint "+host+"`", "%s: %s", host, f))
	}
	if more := len(found) - maxShown; more > 0 {
		all = append(all, result(Warning, "see `auditsidecar policy lint "+host+"`", "%s: %d more findings", host, more))
	}
	return all
}
