package explain

import (
	"math"
	"slices"

	"parley/internal/artifact"
	"parley/internal/batch"
)

// Topic is a topic of an lsi model.
type Topic struct {
	Topic         int      `json:"topic"` // from 0, the largest singular value first
	SingularValue float32  `json:"singular_value"`
	Residual      float32  `json:"residual"` // ‖Aᵀu - σv‖/σ₁
	Terms         []Weight `json:"terms"`    // those with the weights farthest from 0
	// Coherence is of the terms in a corpus, nil where there is none.
	Coherence *Coherence `json:"coherence,omitempty"`
}

// Coherence tells how much the terms of a topic go together in documents: the mean
// over their pairs of
//
//	u_mass  ln((D(a,b) + 1) / D(b)), b the heavier term (Mimno et al. 2011)
//	npmi    ln(p(a,b) / (p(a)·p(b))) / -ln p(a,b), -1 for terms that are never
//	        together (Bouma 2009)
//
// with D the number of documents that have the terms, and p its share.
type Coherence struct {
	UMass float64 `json:"u_mass"`
	NPMI  float64 `json:"npmi"`
}

// Topics returns the topics of an lsi model with at most top terms each.
func Topics(m *artifact.Model, top int) ([]Topic, error) {
	names, err := m.ColumnNames()
	if err != nil {
		return nil, err
	}
	file, err := m.Params()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	values, err := file.Float32("singular_values")
	if err != nil {
		return nil, err
	}
	residuals, err := file.Float32("residuals")
	if err != nil {
		return nil, err
	}
	topics, row := make([]Topic, len(values)), make([]float32, m.Columns)
	for k := range topics {
		if err := file.ReadFloat32(row, "components", int64(k)*m.Columns); err != nil {
			return nil, err
		}
		t := Topic{Topic: k, SingularValue: values[k], Residual: residuals[k], Terms: []Weight{}}
		for c, v := range row {
			if v != 0 {
				t.Terms = insert(t.Terms, Weight{Column: int64(c), Weight: v}, top)
			}
		}
		for i := range t.Terms {
			t.Terms[i].Feature = m.FeatureName(names, t.Terms[i].Column)
		}
		topics[k] = t
	}
	return topics, nil
}

// Counter counts in how many documents the terms of topics are, and are together.
type Counter struct {
	topics    []Topic
	at        map[uint32][]place // of a column
	terms     [][]int64          // by topic and term
	pairs     [][]int64          // by topic, of terms i < j at i*n+j
	documents int64
	present   [][]int
}

// place is a term of a topic.
type place struct{ topic, term int }

// NewCounter counts for the topics' terms.
func NewCounter(topics []Topic) *Counter {
	c := &Counter{topics: topics, at: map[uint32][]place{}, present: make([][]int, len(topics))}
	for k, t := range topics {
		for i, w := range t.Terms {
			c.at[uint32(w.Column)] = append(c.at[uint32(w.Column)], place{k, i})
		}
		c.terms, c.pairs = append(c.terms, make([]int64, len(t.Terms))), append(c.pairs, make([]int64, len(t.Terms)*len(t.Terms)))
	}
	return c
}

// Add counts documents: rows whose nonzeros are terms.
func (c *Counter) Add(rows *batch.CSR) {
	for i := range rows.Rows() {
		c.documents++
		for k := range c.present {
			c.present[k] = c.present[k][:0]
		}
		for j := rows.Offsets[i]; j < rows.Offsets[i+1]; j++ {
			if rows.Values[j] == 0 {
				continue
			}
			for _, p := range c.at[rows.Columns[j]] {
				c.present[p.topic] = append(c.present[p.topic], p.term)
			}
		}
		for k, terms := range c.present {
			n := len(c.topics[k].Terms)
			slices.Sort(terms)
			for x, a := range terms {
				c.terms[k][a]++
				for _, b := range terms[x+1:] {
					c.pairs[k][a*n+b]++
				}
			}
		}
	}
}

// Coherence returns what was counted of a topic, nil of one without pairs of terms
// that the documents have.
func (c *Counter) Coherence(topic int) *Coherence {
	n, pairs := len(c.terms[topic]), 0
	sum := Coherence{}
	share := func(d int64) float64 { return float64(d) / float64(c.documents) }
	for a := range n { // heavier than b
		for b := a + 1; b < n; b++ {
			da, db, both := c.terms[topic][a], c.terms[topic][b], c.pairs[topic][a*n+b]
			if da == 0 || db == 0 {
				continue
			}
			pairs++
			sum.UMass += math.Log(float64(both+1) / float64(da))
			switch {
			case both == 0:
				sum.NPMI--
			case both == c.documents: // always there: they say nothing about each other
			default:
				sum.NPMI += math.Log(share(both)/(share(da)*share(db))) / -math.Log(share(both))
			}
		}
	}
	if pairs == 0 {
		return nil
	}
	return &Coherence{UMass: sum.UMass / float64(pairs), NPMI: sum.NPMI / float64(pairs)}
}
