// Package goals prints the figures of a benchmark beside their goals and aims:
// a goal must be reached, an aim is where the program should come to.
package goals

import (
	"fmt"
	"io"
)

// Goal is one figure with its bounds.
type Goal struct {
	Name      string
	Figure    float64
	Unit      string // of the figure: "x" for a ratio
	Reference string // the measure of the figure: another program, a limit
	AtLeast   bool   // the bounds are lower bounds
	Goal, Aim float64
}

// Met names the stricter of the bounds that the figure reaches, or "NO".
func (g Goal) Met() string {
	switch {
	case g.within(g.Aim):
		return "aim"
	case g.within(g.Goal):
		return "goal"
	}
	return "NO"
}

func (g Goal) within(bound float64) bool {
	if g.AtLeast {
		return g.Figure >= bound
	}
	return g.Figure <= bound
}

// Print prints a table: name, figure, reference, goal, aim, met.
func Print(w io.Writer, all []Goal) {
	fmt.Fprintf(w, "\n%-36s %12s  %-28s %9s %9s  %s\n", "goal", "figure", "reference", "goal", "aim", "met")
	for _, g := range all {
		sign := "<="
		if g.AtLeast {
			sign = ">="
		}
		fmt.Fprintf(w, "%-36s %12s  %-28s %9s %9s  %s\n", g.Name, fmt.Sprintf("%.2f %s", g.Figure, g.Unit), g.Reference,
			fmt.Sprintf("%s %g", sign, g.Goal), fmt.Sprintf("%s %g", sign, g.Aim), g.Met())
	}
}
