package feature

import (
	"fmt"
	"strings"
)

// suggest names the column that was most likely meant, and those that there are.
func suggest(name string, columns []string) string {
	const most = 20 // a message names no more
	best, least := "", max(1, min(3, len(name)/3))+1
	for _, column := range columns {
		if d := distance(strings.ToLower(name), strings.ToLower(column)); d < least {
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

// distance returns the number of bytes to insert, delete or replace that make a
// into b; a pair of swapped neighbours counts as one.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	var before []int
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := 1
			if a[i-1] == b[j-1] {
				changed = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+changed)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
