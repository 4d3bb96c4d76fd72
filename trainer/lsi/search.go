package lsi

import (
	"cmp"
	"math"
	"slices"

	"parley/internal/linalg"
)

// Neighbour is a row by its number, and the cosine of its vector with another.
type Neighbour struct {
	Row    int64
	Cosine float64
}

// Search finds the rows whose vectors are most like a query's.
type Search struct {
	query []float64
	norm  float64
	top   int
	rows  int64
	found []Neighbour
}

// NewSearch returns a search for the top rows of those that are added.
func NewSearch(query []float64, top int) *Search {
	return &Search{query: query, norm: math.Sqrt(linalg.Dot(query, query)), top: top}
}

// Add takes in the vectors of the next rows. Those of length 0 are like nothing.
func (s *Search) Add(vectors []float64) {
	for k := len(s.query); len(vectors) >= k; vectors = vectors[k:] {
		v := vectors[:k]
		if norm := math.Sqrt(linalg.Dot(v, v)); norm > 0 {
			s.put(Neighbour{Row: s.rows, Cosine: linalg.Dot(s.query, v) / float64(norm*s.norm)})
		}
		s.rows++
	}
}

func (s *Search) put(n Neighbour) {
	at, _ := slices.BinarySearchFunc(s.found, n, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(b.Cosine, a.Cosine), cmp.Compare(a.Row, b.Row))
	})
	if at < s.top {
		s.found = slices.Insert(s.found[:min(len(s.found), s.top-1)], at, n)
	}
}

// Found returns the rows, the most alike first, of equal ones the earlier.
func (s *Search) Found() []Neighbour { return s.found }
