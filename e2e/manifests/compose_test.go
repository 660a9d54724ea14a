package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// The lab for people with Docker is valid by Compose's own code, its services are those that
// the tutorial uses, and every file that they mount is in the tree, or made by `make build`.
func TestComposeFile(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "hack", "lab", "compose.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names, files []string
	for name, service := range project.Services {
		names = append(names, name)
		if service.NetworkMode != "host" {
			t.Errorf("%s is not in the host's network", name)
		}
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				files = append(files, v.Source)
			}
		}
	}
	slices.Sort(names)
	if want := "auditsidecar etcd grafana kube-apiserver loki prometheus s3 setup"; strings.Join(names, " ") != want {
		t.Errorf("the services are %q, not %q", names, want)
	}
	for _, c := range project.Configs {
		if c.File != "" {
			files = append(files, c.File)
		}
	}
	if len(files) < 8 {
		t.Errorf("only %d files are mounted: %q", len(files), files)
	}
	for _, file := range files {
		if file == filepath.Join(root, "bin", "auditsidecar") {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("mounted, but not in the tree: %v", err)
		}
	}
}
