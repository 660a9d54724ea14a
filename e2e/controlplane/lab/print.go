package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

// writeFiles writes kubeconfig and env, which a shell reads.
func (l *lab) writeFiles(context.Context) error {
	if err := l.api.WriteKubeconfig(l.path("kubeconfig")); err != nil {
		return err
	}
	env := fmt.Sprintf(`export KUBECONFIG=%q PATH=%q:"$PATH"
export LAB=%q ARCHIVE=%q LOKI=%q PAGE=%q
export AWS_ENDPOINT_URL_S3=%q AWS_REGION=%q AWS_ACCESS_KEY_ID=%q AWS_SECRET_ACCESS_KEY=%q
`, l.path("kubeconfig"), filepath.Dir(l.binary)+":"+filepath.Dir(l.kubectl), l.dir, archiveURL, l.loki.URL, "http://"+l.page,
		l.store.Endpoint, l.store.Region, l.store.AccessKey, l.store.SecretKey)
	return os.WriteFile(l.path("env"), []byte(env), 0o600)
}

const page = `
The lab is ready after {{.After}}. Ctrl-C ends it{{if not .Kept}} and deletes its data{{end}}.

  status page      http://{{.Page}}/
  Loki             {{.Loki}}
  S3               {{.S3}} (objects are files below {{.Dir}}/s3/data/audit)
  kube-apiserver   kubeconfig {{.Dir}}/kubeconfig
{{if .Grafana}}  Grafana          {{.Grafana}}
{{else}}  Grafana          none: make lab GRAFANA=/usr/share/grafana, with the program on the PATH
{{end}}
In another shell, try:

  . {{.Dir}}/env
  kubectl create configmap hello --from-literal=a=b && kubectl delete configmap hello
  auditsidecar search $LAB/audit/audit.log --verb delete --name hello     # on the node, at once
  auditsidecar search $ARCHIVE --verb delete --name hello                 # in the archive, after 10 s

docs/tutorial.md continues from here.
`

// print writes the addresses and what to try.
func (l *lab) print(w io.Writer) {
	if err := template.Must(template.New("").Parse(page)).Execute(w, map[string]any{
		"After": time.Since(l.began).Round(time.Second), "Page": l.page, "Loki": l.loki.URL, "S3": l.store.Endpoint, "Dir": l.dir,
		"Grafana": l.grafana, "Kept": l.kept,
	}); err != nil {
		say("%v", err)
	}
}
