// Package helm renders a chart in memory, without a cluster.
package helm

import (
	"fmt"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"

	chart4 "helm.sh/helm/v4/pkg/chart/common"
	util4 "helm.sh/helm/v4/pkg/chart/common/util"
	loader4 "helm.sh/helm/v4/pkg/chart/v2/loader"
	engine4 "helm.sh/helm/v4/pkg/engine"
)

// Release has the values that `helm install NAME --namespace NAMESPACE` gives a chart.
type Release struct{ Name, Namespace string }

// Render3 renders the chart in dir as Helm 3 does: values are checked against
// its schema. It returns the templates' texts by path.
func Render3(dir string, r Release, values string) (map[string]string, error) {
	c, err := loader.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("load chart: %w", err)
	}
	given, err := parse(values)
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	return engine.Render(c, all)
}

// Render4 is Render3 of Helm 4.
func Render4(dir string, r Release, values string) (map[string]string, error) {
	c, err := loader4.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("load chart: %w", err)
	}
	given, err := parse(values)
	if err != nil {
		return nil, err
	}
	options := chart4.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	all, err := util4.ToRenderValues(c, given, options, chart4.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	return engine4.Render(c, all)
}

func parse(values string) (map[string]any, error) {
	given := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &given); err != nil {
		return nil, fmt.Errorf("parse values: %w", err)
	}
	return given, nil
}
