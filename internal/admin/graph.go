package admin

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// point is a value some time ago; NaN where it was not known.
type point struct {
	ago   time.Duration
	value float64
}

// The size of a graph, in its own units: the page stretches it.
const (
	graphWidth  = 600
	graphHeight = 100
)

// maxBreak is how far two points may be from each other with a line between
// them: beyond it nothing was measured.
const maxBreak = 9 * sampleEvery

// graph is a line over the window, with the area below it, as the paths of an
// SVG.
type graph struct {
	Name string
	Line string
	Area string
	Top  string // what the upper edge stands for
	Peak string // the greatest value
	None bool   // nothing was measured yet
}

// draw makes a graph. atLeast is the least that the upper edge stands for, so
// that small values look small; format writes a value.
func draw(name string, points []point, atLeast float64, nice func(float64) float64, format func(float64) string) graph {
	points = known(points)
	peak := 0.0
	for _, p := range points {
		peak = max(peak, p.value)
	}
	top := nice(max(peak, atLeast))
	g := graph{Name: name, Top: format(top), Peak: format(peak), None: len(points) == 0}
	for len(points) > 0 {
		n := 1 // points with lines between them
		for n < len(points) && points[n-1].ago-points[n].ago <= maxBreak {
			n++
		}
		run := make([]string, n)
		for i, p := range points[:n] {
			run[i] = fmt.Sprintf("%d %d", p.x(), graphHeight-int(math.Round(graphHeight*min(1, p.value/top))))
		}
		path := strings.Join(run, "L")
		g.Line += "M" + path + "h0" // a single point is seen, too
		g.Area += fmt.Sprintf("M%d %dL%sL%d %dZ", points[0].x(), graphHeight, path, points[n-1].x(), graphHeight)
		points = points[n:]
	}
	return g
}

func (p point) x() int {
	return graphWidth - int(math.Round(graphWidth*p.ago.Seconds()/window.Seconds()))
}

// known drops the points whose value is not known.
func known(points []point) []point {
	return slices.DeleteFunc(points, func(p point) bool { return math.IsNaN(p.value) || p.value < 0 })
}

// niceSeconds is the next duration that people count in.
func niceSeconds(s float64) float64 {
	for _, step := range []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 24 * 3600, 48 * 3600} {
		if s <= step {
			return step
		}
	}
	const day = 24 * 3600
	return math.Ceil(s/day) * day
}

// niceBytes is the next number of bytes that is 1, 2 or 5 with zeros.
func niceBytes(b float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(1, b))))
	for _, step := range []float64{1, 2, 5} {
		if b <= step*power {
			return step * power
		}
	}
	return 10 * power
}
