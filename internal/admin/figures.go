package admin

import (
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the name of every metric of ours.
const namespace = "auditsidecar_"

// figures are the values of our metrics at one moment: under the name without
// its beginning the sum over the labels, and under name/value each value of a
// metric with one label. The page shows the values of /metrics.
type figures map[string]float64

// gather reads the metrics. A metric that cannot be read is left out: /metrics says why.
func gather(from prometheus.Gatherer) figures {
	families, _ := from.Gather()
	f := figures{}
	for _, family := range families {
		name, ours := strings.CutPrefix(family.GetName(), namespace)
		if !ours {
			continue
		}
		for _, m := range family.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() // it is one of them
			f[name] += value
			if labels := m.GetLabel(); len(labels) == 1 {
				f[name+"/"+labels[0].GetValue()] = value
			}
		}
	}
	return f
}

// known says whether there is such a metric, with a value.
func (f figures) known(name string) bool {
	v, ok := f[name]
	return ok && !math.IsNaN(v)
}

// get is a value, 0 where it is not known.
func (f figures) get(name string) float64 {
	if !f.known(name) {
		return 0
	}
	return f[name]
}

// at is a time; zero where the metric is 0 or not known.
func (f figures) at(name string) time.Time {
	seconds := f.get(name)
	if seconds <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1e3)).UTC()
}
