package manifests

import (
	"bytes"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Each document of the CronJobs has the fields of its kind and no other, every mount a volume, and a
// container no rights.
func TestCronJobs(t *testing.T) {
	for _, file := range []string{"verify/cronjob.yaml", "iceberg/cronjob.yaml"} {
		jobs := 0
		for _, document := range bytes.Split(read(t, shipped+file), []byte("\n---\n")) {
			var kind struct{ Kind string }
			if err := yaml.Unmarshal(document, &kind); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			var job batchv1.CronJob
			into, known := map[string]any{
				"Namespace": &corev1.Namespace{}, "ServiceAccount": &corev1.ServiceAccount{}, "ConfigMap": &corev1.ConfigMap{}, "Secret": &corev1.Secret{},
				"PersistentVolumeClaim": &corev1.PersistentVolumeClaim{}, "CronJob": &job,
			}[kind.Kind]
			if !known {
				t.Fatalf("%s: kind %q", file, kind.Kind)
			}
			if err := yaml.UnmarshalStrict(document, into); err != nil {
				t.Fatalf("%s, %s: %v", file, kind.Kind, err)
			}
			if kind.Kind == "CronJob" {
				jobs++
				checkCronJob(t, file, job)
			}
		}
		if jobs != 1 {
			t.Errorf("%s: %d jobs", file, jobs)
		}
	}
}

func checkCronJob(t *testing.T, file string, job batchv1.CronJob) {
	t.Helper()
	spec := job.Spec.JobTemplate.Spec.Template.Spec
	if job.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent || job.Spec.JobTemplate.Spec.ActiveDeadlineSeconds == nil || spec.SecurityContext == nil || !*spec.SecurityContext.RunAsNonRoot {
		t.Errorf("%s: %+v", file, spec)
	}
	volumes := map[string]bool{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = true
	}
	paths := []string{}
	for _, c := range spec.Containers {
		s := c.SecurityContext
		if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%s: %+v", file, s)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s: no volume %s", file, m.Name)
			}
			paths = append(paths, m.MountPath+"/")
		}
		for _, arg := range c.Args { // a file that is named is in a mount
			_, path, found := strings.Cut(arg, "=/")
			if mounted := func() bool {
				for _, p := range paths {
					if strings.HasPrefix("/"+path+"/", p) {
						return true
					}
				}
				return false
			}(); found && !mounted {
				t.Errorf("%s: %s is in no volume", file, arg)
			}
		}
	}
}
