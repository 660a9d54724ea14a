// Package traffic makes requests to kube-apiserver as people, controllers and
// attackers do: objects of all sizes come, change and go, secrets and tokens are
// asked for, roles are bound, some requests are refused, some watches stay.
package traffic

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Clients are who makes the requests: an administrator, and a user who may
// do nothing.
type Clients struct {
	Admin, Nobody kubernetes.Interface
}

// Make makes requests from several workers at once until ctx is done or each
// worker has made n rounds of about twelve requests. run names the objects: two
// calls need different ones. Refused and failed requests are part of it; only
// the number of requests that were answered counts.
func Make(ctx context.Context, c Clients, run string, workers, n int) (answered int64) {
	var count atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for i := range n {
				if ctx.Err() != nil {
					return
				}
				count.Add(round(ctx, c, fmt.Sprintf("%s-%d-%d", run, worker, i), i))
			}
		})
	}
	wait.Wait()
	return count.Load()
}

const namespace = "default"

// round is one person's work: name is unique.
func round(ctx context.Context, c Clients, name string, i int) (answered int64) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	core, apps, rbac := c.Admin.CoreV1(), c.Admin.AppsV1(), c.Admin.RbacV1()
	meta := metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}}
	for _, request := range []func() error{
		func() error {
			_, err := apps.Deployments(namespace).Create(ctx, deployment(meta, i), metav1.CreateOptions{})
			return err
		},
		func() error {
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"note":"<%d> & \u00fc \"quoted\""}}}`, i)
			_, err := apps.Deployments(namespace).Patch(ctx, name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
			return err
		},
		func() error {
			secret := &corev1.Secret{ObjectMeta: meta, StringData: map[string]string{"password": SecretValue}}
			_, err := core.Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := core.Secrets(namespace).List(ctx, metav1.ListOptions{Limit: 20})
			return err
		},
		func() error {
			_, err := core.ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"k": filler(i)}}, metav1.CreateOptions{})
			return err
		},
		func() error {
			role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"*"}}}}
			_, err := rbac.Roles(namespace).Create(ctx, role, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := core.ServiceAccounts(namespace).CreateToken(ctx, "default", &authv1.TokenRequest{}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := c.Nobody.CoreV1().Secrets("kube-system").List(ctx, metav1.ListOptions{})
			return err
		},
		func() error {
			_, err := core.Pods(namespace).Get(ctx, "no-such-pod", metav1.GetOptions{})
			return err
		},
		func() error {
			_, err := apps.Deployments(namespace).List(ctx, metav1.ListOptions{Limit: 10})
			return err
		},
		func() error {
			w, err := core.ConfigMaps(namespace).Watch(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
			if err == nil {
				w.Stop()
			}
			return err
		},
		func() error { return core.Secrets(namespace).Delete(ctx, name, metav1.DeleteOptions{}) },
		func() error { return apps.Deployments(namespace).Delete(ctx, name, metav1.DeleteOptions{}) },
	} {
		if err := request(); err == nil || isAnswer(err) {
			answered++
		}
	}
	return answered
}

// SecretValue is in every Secret that is made, and must be in no audit log.
const SecretValue = "e2e-very-secret-value"

// deployment has a body of a size between 2 and 60 KB, as real ones do.
func deployment(meta metav1.ObjectMeta, i int) *appsv1.Deployment {
	meta.Annotations = map[string]string{"filler": filler(i)}
	selector := map[string]string{"app": meta.Name}
	return &appsv1.Deployment{
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: selector},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example.org/none:1"}}},
			},
		},
	}
}

func filler(i int) string { return strings.Repeat("audit log filler <&> ", 20+i%40*70) }

// isAnswer says whether kube-apiserver answered at all.
func isAnswer(err error) bool {
	return apierrors.ReasonForError(err) != metav1.StatusReasonUnknown
}
