package doctor

import (
	"errors"
	"io/fs"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/kubeadm"
)

// checkPatches looks at what the next kubeadm upgrade will patch. A sidecar in a
// pod of its own needs no patch.
func checkPatches(cfg *Config, pod *staticPod) (all []Result) {
	const id = "patches"
	if pod == nil || cfg.Patches == "" {
		return nil
	}
	if c, _ := pod.sidecar(); c == nil {
		return nil
	}
	found, err := kubeadm.CheckPatches(os.DirFS(cfg.Patches))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(id, Warning, "keep the patches there, or give --patches", "%s does not exist: the next kubeadm upgrade removes the sidecar", cfg.Patches)
	case err != nil:
		return one(id, Warning, "let doctor read it", "%s", err)
	case len(found) == 0:
		return one(id, OK, "", "%s has the patch", cfg.Patches)
	}
	for _, f := range found {
		all = append(all, result(id, Warning, "take manifests/kubeadm-patches/kube-apiserver0+strategic.yaml", "%s: %s", cfg.Patches, f))
	}
	return all
}
