package apiserver

import (
	"maps"
	"testing"
)

func TestPodFlags(t *testing.T) {
	const pod = `
kind: Pod
spec:
  containers:
  - name: other
    command: [sleep, --audit-log-path=/no]
  - name: api
    command:
    - /usr/local/bin/kube-apiserver
    - --audit-log-path=/var/log/a=b.log
    - --audit-log-maxsize
    - "100"
    - --audit-log-compress
    args:
    - --audit-log-maxage=1
    - --audit-log-maxage=30
`
	got, err := PodFlags([]byte(pod))
	want := map[string]string{"audit-log-path": "/var/log/a=b.log", "audit-log-maxsize": "100", "audit-log-compress": "", "audit-log-maxage": "30"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for name, pod := range map[string]string{"not YAML": "\t:", "another pod": "spec: {containers: [{name: x}]}", "empty": "", "a list": "[]"} {
		if got, err := PodFlags([]byte(pod)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
