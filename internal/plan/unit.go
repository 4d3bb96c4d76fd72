package plan

import "parley/internal/param"

// Set names the rows that an evaluation is about.
type Set string

// The sets of rows: those trained on, those held out of the training data, and
// the test data.
const (
	SetTrain   Set = "train"
	SetHoldout Set = "holdout"
	SetTest    Set = "test"
)

// UnitShards is the number of data shards that are evaluated as one unit. It is
// a constant, since sums are grouped by it.
const UnitShards = 64

// Unit is the evaluation of a fixed group of data shards, handed out under a
// term.
type Unit struct {
	Set    Set
	Number int // shards Number*UnitShards and following
	Term   param.Term
}

// Units returns how many units so many data shards make.
func Units(shards int) int { return (shards + UnitShards - 1) / UnitShards }

// Shards returns the unit's part of a manifest's data shards.
func (u Unit) Shards(m *Manifest) []Shard {
	first := min(u.Number*UnitShards, len(m.Shards))
	return m.Shards[first:min(first+UnitShards, len(m.Shards))]
}
