package feature

import (
	"fmt"
	"strings"

	"parley/internal/job"
)

// suggest names the column that was most likely meant, and those that there are.
func suggest(name string, columns []string) string {
	const most = 20 // a message names no more
	best, least := "", max(1, min(3, len(name)/3))+1
	for _, column := range columns {
		if d := distance(name, column); d < least {
			best, least = column, d
		}
	}
	list := "the columns are " + strings.Join(columns[:min(most, len(columns))], ", ")
	switch {
	case len(columns) == 0:
		list = "the data has no columns with names"
	case len(columns) > most:
		list += fmt.Sprintf(" and %d more", len(columns)-most)
	}
	if best != "" {
		return "did you mean " + best + "? " + list
	}
	return list
}

// distance is job.Distance; long names are far from all.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	return job.Distance(a, b)
}
