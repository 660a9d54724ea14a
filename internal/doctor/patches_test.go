package doctor

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const goodPatch = `spec:
  containers:
  - name: kube-apiserver
  - name: auditsidecar
    volumeMounts: [{name: v, mountPath: /var/log/kubernetes/audit}]
  volumes: [{name: v}]
`

func TestCheckPatches(t *testing.T) {
	for _, test := range []struct {
		name    string
		file    string
		content string
		want    []string // one text in each finding, in order
	}{
		{"the shipped name", "kube-apiserver0+strategic.yaml", goodPatch, nil},
		{"strategic is the default", "kube-apiserver.yaml", goodPatch, nil},
		{"a directory below is walked, too", "below/kube-apiserver1.yaml", goodPatch, nil},
		{"two documents", "kube-apiserver.yaml", "metadata: {labels: {a: b}}\n---\n" + goodPatch, nil},
		{"yml", "kube-apiserver0+strategic.yml", goodPatch, []string{"ignores it: the name must end", "no file here"}},
		{"only an extension", ".yaml", goodPatch, []string{"ignores it", "no file here"}},
		{"unknown target", "apiserver0+strategic.yaml", goodPatch, []string{"ignores it: the name must begin", "no file here"}},
		{"no such type", "kube-apiserver0+stratgic.yaml", goodPatch, []string{"kubeadm stops", "no file here"}},
		{"empty", "kube-apiserver0+strategic.yaml", "", []string{"empty", "no file here"}},
		{"another component's", "etcd0.yaml", goodPatch, []string{"no file here"}},
		{"merge drops kube-apiserver", "kube-apiserver0+merge.yaml", goodPatch, []string{"replaces spec.containers", "no file here"}},
		{"no yaml", "kube-apiserver0.yaml", "spec: [", []string{"kubeadm stops", "no file here"}},
		{"a JSON patch that adds it", "kube-apiserver0+json.yaml", "- {op: add, path: /spec/containers/-, value: {name: auditsidecar}}", nil},
		{"the sidecar alone", "kube-apiserver0.yaml", "spec: {containers: [{name: auditsidecar}]}", []string{"first container"}},
		{"the sidecar first", "kube-apiserver0.yaml", "spec: {containers: [{name: auditsidecar}, {name: kube-apiserver}]}", []string{"first container"}},
		{"a command", "kube-apiserver0.yaml", strings.Replace(goodPatch, "name: kube-apiserver", "name: kube-apiserver\n    command: [kube-apiserver, --v=4]", 1), []string{"every flag"}},
		{"an init container", "kube-apiserver0.yaml", "spec: {initContainers: [{name: auditsidecar, restartPolicy: Always}]}", []string{"does not start"}},
		{"a readiness probe", "kube-apiserver0.yaml", strings.Replace(goodPatch, "volumeMounts", "readinessProbe: {}\n    volumeMounts", 1), []string{"out of service"}},
		{"a volume from elsewhere", "kube-apiserver0.yaml", strings.Replace(goodPatch, "volumes: [{name: v}]", "volumes: []", 1), []string{"volume v"}},
		{"the file mounted", "kube-apiserver0.yaml", strings.Replace(goodPatch, "kubernetes/audit", "kubernetes/audit/audit.log", 1), []string{"directory"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := CheckPatches(fstest.MapFS{test.file: {Data: []byte(test.content)}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(test.want) {
				t.Fatalf("findings %q, want %d", got, len(test.want))
			}
			for i, text := range test.want {
				if !strings.Contains(got[i], text) {
					t.Errorf("finding %q, want %q in it", got[i], text)
				}
			}
		})
	}
}

func TestShippedPatches(t *testing.T) {
	got, err := CheckPatches(os.DirFS("../../manifests/kubeadm-patches"))
	if err != nil || len(got) != 0 {
		t.Errorf("findings %q, %v", got, err)
	}
	// This one is shipped with a warning, and is found.
	got, err = CheckPatches(os.DirFS("../../manifests/native-sidecar"))
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "init container") {
		t.Errorf("native sidecar: findings %q, %v", got, err)
	}
}

func TestCheckPatchesWithoutDirectory(t *testing.T) {
	if got, err := CheckPatches(os.DirFS("no-such-directory")); err == nil {
		t.Errorf("findings %q and no error", got)
	}
}

func FuzzCheckPatches(f *testing.F) {
	f.Add("kube-apiserver0+strategic.yaml", []byte(goodPatch))
	f.Add("kube-apiserver+", []byte("spec: {containers: [null]}"))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		c := new(patchChecker)
		c.file(name, content)
	})
}
