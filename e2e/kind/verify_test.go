//go:build e2e

package kind

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// textfile is where the shipped CronJob writes its metrics, and verifyState its trusted heads here.
const (
	textfile    = "/var/lib/node_exporter/textfile_collector"
	verifyState = "/var/lib/auditsidecar-verify"
)

// sign makes a key for the sidecar, in signing.key beside its settings, and returns the public one.
func (s *suite) sign() string {
	s.t.Helper()
	path := filepath.Join(s.node.dir, "sidecar/signing.key")
	vkey, err := exec.CommandContext(s.t.Context(), s.auditsidecar, "keygen", "--cluster", "kind", "--node", clusterName+"-control-plane", "--out", path).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(vkey))
}

// verify runs the shipped CronJob twice, with an image: the second time only new records are read. A
// cluster of kind has no volumes for claims here, and no role: a directory and keys take their places.
func (s *suite) verify(image, vkey string) {
	s.t.Helper()
	if _, err := s.exec("", "install", "-d", "-o", "65532", textfile, verifyState); err != nil {
		s.t.Fatal(err)
	}
	manifest := s.node.shipped("verify/cronjob.yaml")
	for _, change := range [][2]string{
		{shippedImage, image},
		{"s3://audit-archive/audit-logs\n", s.store.URL("audit-logs") + "\n"},
		{"--s3-region=eu-central-1", fmt.Sprintf("--s3-region=%s\n                - --s3-path-style\n                - --s3-endpoint=%s", s.store.Region, s.storeURL)},
		{"auditsidecar/production/cp1+0261b96c+AU7qqt8TASDt45OWqVpIpGN34agVA7EWGndxFuVsnIF0", vkey},
		{"kubernetes.io/hostname: worker-1", "kubernetes.io/hostname: " + clusterName + "-control-plane"},
		{"persistentVolumeClaim:\n                claimName: auditsidecar-verify-state", "hostPath: {path: " + verifyState + ", type: Directory}"},
		{"              args:\n", fmt.Sprintf("              env: [{name: AWS_ACCESS_KEY_ID, value: %q}, {name: AWS_SECRET_ACCESS_KEY, value: %q}]\n              args:\n", s.store.AccessKey, s.store.SecretKey)},
		{"          restartPolicy: Never\n", "          restartPolicy: Never\n          hostNetwork: true # the node's own network reaches the host's S3 server\n"},
	} {
		if !strings.Contains(manifest, change[0]) {
			s.t.Fatalf("the shipped CronJob has no %q", change[0])
		}
		manifest = strings.ReplaceAll(manifest, change[0], change[1])
	}
	if _, err := s.kubectl(manifest, "apply", "-f", "-"); err != nil {
		s.t.Fatal(err)
	}
	for _, job := range []string{"first", "second"} {
		if _, err := s.kubectl("", "create", "job", job, "-n", "auditsidecar-verify", "--from=cronjob/auditsidecar-verify"); err != nil {
			s.t.Fatal(err)
		}
		begin := time.Now()
		_, err := s.kubectl("", "wait", "job/"+job, "-n", "auditsidecar-verify", "--for=condition=Complete", "--timeout=120s")
		log, _ := s.kubectl("", "logs", "job/"+job, "-n", "auditsidecar-verify")
		if err != nil {
			state, _ := s.kubectl("", "describe", "pods", "-n", "auditsidecar-verify")
			s.t.Fatalf("the %s verification: %v\n%s\n%s", job, err, log, state)
		}
		metrics, err := s.exec("", "cat", textfile+"/verify.prom")
		if err != nil || !strings.Contains(metrics, "\nauditsidecar_verify_clean 1\n") {
			s.t.Errorf("the %s verification: %v, metrics %s", job, err, metrics)
		}
		s.t.Logf("the %s verification, after %v: %s", job, time.Since(begin).Round(time.Second), log)
	}
}
