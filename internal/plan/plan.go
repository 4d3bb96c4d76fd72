package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/param"
)

// MaxColumns bounds the dimension of a model with a dense parameter vector.
const MaxColumns = 1 << 28

// MaxKeys bounds the parameters of a model whose trainers hold but a part of them.
const MaxKeys = 1<<32 - 1

// rangeKeys bounds the keys of a range of such a model.
const rangeKeys = 1 << 28

// windowRows is how many rows a worker mixes at a time: they are drawn in random
// order from a window of data shards, themselves in random order over the dataset.
// It bounds what a worker holds in memory. A window has 32 shards or more, so a
// batch of a dataset that is sorted by label has each label in about its share.
const windowRows = 32 << 10

// Plan is what a job does, whoever does it.
type Plan struct {
	Job       *job.Job
	Train     *Manifest
	Ranges    []param.Span // of the key space, in order
	Layers    Layers       // of mlp and wide_deep, else nil
	Whole     bool         // each round is of all parameters
	Width     int          // keys of a column: one a class for softmax, a topic for lsi, a unit of the first hidden layer for mlp, 1 and the rank for fm, 1 and the embedding for wide_deep, else 1
	Keys      param.Key    // size of the key space: Width a column, then as many of the bias; of lsi those of the singular values and residuals; of mlp the tail
	PerEpoch  param.Round  // rounds of one epoch
	Rounds    param.Round  // rounds of the whole run
	TrainRows int64        // rows of an epoch: those not held out
	HeldOut   int64        // rows held out

	kept []int64 // each shard's rows that are trained on
}

// New makes the plan of a job over a dataset.
func New(j *job.Job, train *Manifest) *Plan {
	p := &Plan{Job: j, Train: train, Layers: LayersFor(j, train)}
	p.Width = p.width()
	p.Whole = p.Layers != nil && !j.Model.Embeds() && p.Layers[0]*p.Layers[1] <= wholeKeys
	p.Keys = param.Key(train.Columns)*param.Key(p.Width) + p.tail()
	p.Ranges = cut(p.Keys, j.Run.Ranges, leaf(j))
	if j.Model.Embeds() { // the tail has a range of its own: each round is of all of it
		least := int((p.Bias() + rangeKeys - 1) / rangeKeys)
		p.Ranges = append(cut(p.Bias(), max(1, j.Run.Ranges-1, least), uint64(p.Width)), param.Span{Lo: p.Bias(), Hi: p.Keys})
	}
	p.kept = make([]int64, len(train.Shards))
	for i, s := range train.Shards {
		p.kept[i] = s.Rows
		if j.Data.Holdout > 0 || len(train.Bad) > 0 {
			p.kept[i] = p.keptRows(s)
		}
		p.TrainRows += p.kept[i]
	}
	p.HeldOut = train.Rows - int64(len(train.Bad)) - p.TrainRows
	p.PerEpoch = p.perEpoch()
	p.Rounds = p.PerEpoch * param.Round(j.Run.Epochs)
	return p
}

// MaxKeys returns how many parameters the model may have.
func (p *Plan) MaxKeys() param.Key {
	if p.Job.Model.Embeds() {
		return MaxKeys
	}
	return MaxColumns
}

// width returns the number of keys of a column.
func (p *Plan) width() int {
	switch m := &p.Job.Model; {
	case m.Kind == "softmax":
		return max(1, len(p.Train.Labels))
	case m.FindsTopics():
		return m.Topics
	case p.Layers != nil:
		return p.Layers.Width(m.Dim)
	default:
		return 1 + m.Rank // of models without factors 0
	}
}

// Clip returns the least and the greatest label of training data whose labels are a
// few numbers, such as ratings: predictions of fm with the squared loss are moved to
// between them. It is nil where they are not.
func Clip(m *job.Model, train *Manifest) []float32 {
	labels := train.LabelValues()
	if !m.Factorizes() || m.Loss != "squared" || len(labels) == 0 {
		return nil
	}
	return []float32{labels[0], labels[len(labels)-1]}
}

// tail returns how many keys are behind those of the columns.
func (p *Plan) tail() param.Key {
	if p.Job.Model.FindsTopics() {
		return 2 * param.Key(p.Width)
	}
	if p.Layers != nil {
		return param.Key(p.Layers.Tail())
	}
	return param.Key(p.Width)
}

// Penalized returns the end of the keys that l2 is for.
func (p *Plan) Penalized() param.Key {
	switch {
	case p.Job.Model.PenalizeBias:
		return p.Keys
	case p.Layers != nil:
		return p.Bias() + param.Key(p.Layers.TailWeights())
	}
	return p.Bias()
}

func (p *Plan) keptRows(s Shard) int64 {
	kept := int64(0)
	for row := s.FirstRow; row < s.FirstRow+s.Rows; row++ {
		if p.Trains(row) {
			kept++
		}
	}
	return kept
}

// Dense reports whether each round is of most keys of a range.
func (p *Plan) Dense(id param.RangeID) bool {
	return p.Whole || p.Job.Model.Embeds() && p.Ranges[id].Lo >= p.Bias()
}

// Trains reports whether the row at a position of the training data is learned
// from: it is neither held out nor bad.
func (p *Plan) Trains(row int64) bool {
	return !HeldOut(row, p.Job.Data.Holdout) && !p.Train.IsBad(row)
}

// leaf returns the multiples of keys at which ranges may be cut: servers sum up what
// they hold by leaves of so many keys (optim.Leaf), or columns (optim.LanczosLeaf).
func leaf(j *job.Job) uint64 {
	switch {
	case j.Model.FindsTopics():
		return 256 * uint64(j.Model.Topics)
	case j.FullBatch():
		return 16
	}
	return 1
}

// cut divides keys 0..n-1 into contiguous ranges at multiples of a number of keys,
// even to within one of these. There are never more ranges than multiples.
func cut(n param.Key, ranges int, leaf uint64) []param.Span {
	leaves := (uint64(n) + leaf - 1) / leaf
	count := min(uint64(ranges), leaves)
	spans := make([]param.Span, count)
	for i := range spans {
		spans[i].Lo = param.Key(uint64(i) * leaves / count * leaf)
		spans[i].Hi = min(n, param.Key(uint64(i+1)*leaves/count*leaf))
	}
	return spans
}

// perEpoch returns the rounds that an epoch needs for the worker with the most
// rows. It has to hold for every epoch's permutation, so it is taken over the
// largest shards; a round in which no worker has rows left is an empty one.
func (p *Plan) perEpoch() param.Round {
	if p.Job.Model.FindsTopics() {
		return 4 // the phases of optim.Lanczos
	}
	if p.Job.FullBatch() {
		return 2 // one for the gradient, one for what follows from it
	}
	workers, batch := p.Job.Run.Workers, int64(p.Job.Run.Batch)
	each := (len(p.kept) + workers - 1) / workers
	largest := slices.Clone(p.kept)
	slices.SortFunc(largest, func(a, b int64) int { return int(b - a) })
	most := int64(0)
	for _, rows := range largest[:each] {
		most += rows
	}
	return param.Round(max(1, (most+batch-1)/batch))
}

// Position returns the epoch of a round and the round's number within it.
func (p *Plan) Position(r param.Round) (epoch int, step int64) {
	return int(r / p.PerEpoch), int64(r % p.PerEpoch)
}

// Window is a run of a worker's data shards whose rows are mixed.
type Window struct {
	Shards []param.ShardID
	Rows   int64 // trained on; held out rows are not counted
}

// Stream returns what a worker reads in an epoch: every w-th data shard of the
// epoch's permutation, in windows. Over all workers each shard comes once.
func (p *Plan) Stream(epoch int, w param.Worker) []Window {
	order := make([]param.ShardID, len(p.Train.Shards))
	for i := range order {
		order[i] = param.ShardID(i)
	}
	g := newGenerator(p.Job.Run.Seed, forShards, uint64(epoch))
	g.shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	windowShards := int(windowRows / ShardRows(p.Train.Rows))
	var windows []Window
	for n, i := 0, int(w); i < len(order); n, i = n+1, i+p.Job.Run.Workers {
		if n%windowShards == 0 {
			windows = append(windows, Window{})
		}
		last := &windows[len(windows)-1]
		last.Shards = append(last.Shards, order[i])
		last.Rows += p.kept[order[i]]
	}
	return windows
}

// Pass returns the data shards of a worker's contribution to a full-batch method,
// all that it ever reads. Over all workers each shard comes once.
func (p *Plan) Pass(w param.Worker) (ids []param.ShardID) {
	for i := int(w); i < len(p.Train.Shards); i += p.Job.Run.Workers {
		ids = append(ids, param.ShardID(i))
	}
	return ids
}

// Order returns the rows of window n of a worker's stream in the order in which
// they are learned from; a Row's Part is the shard's place in the window.
func (p *Plan) Order(epoch int, w param.Worker, n int, window Window) []batch.Row {
	rows := make([]batch.Row, 0, window.Rows)
	for part, id := range window.Shards {
		s := p.Train.Shards[id]
		for i := range s.Rows {
			if p.Trains(s.FirstRow + i) {
				rows = append(rows, batch.Row{Part: uint32(part), Row: uint32(i)})
			}
		}
	}
	g := newGenerator(p.Job.Run.Seed, forRows, uint64(epoch), uint64(w), uint64(n))
	g.shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// Bias is the first key of the bias, or of mlp's tail, behind those of the last
// column.
func (p *Plan) Bias() param.Key { return param.Key(p.Train.Columns) * param.Key(p.Width) }

// Hash returns the SHA-256 in hex of all that the result depends on: the data
// and the settings that shape the model. Placement and paths are not in it, and
// ranges only where the scales of wire int8 hang on them.
func (p *Plan) Hash() string {
	model, wire := p.Job.Model, p.Job.Run.Wire
	model.Init = "" // a path: InitSHA256 stands for what is there
	if wire == "f32" {
		wire = "" // so that jobs have the hash that they had before there was another
	}
	ranges := 0
	if wire == "int8" {
		ranges = len(p.Ranges)
	}
	text, err := json.Marshal(struct {
		Data      string
		Rows      int64
		Columns   int64
		Bad       []int64 `json:",omitempty"`
		Transform string  `json:",omitempty"`
		Holdout   float64
		Model     job.Model
		Optimizer job.Optimizer
		Epochs    int
		Batch     int
		Workers   int
		Seed      uint64
		Mode      string
		Staleness int       `json:",omitempty"`
		Tolerance float64   `json:",omitempty"`
		Wire      string    `json:",omitempty"`
		Ranges    int       `json:",omitempty"`
		Stop      *job.Stop `json:",omitempty"`
		ShardRows int64
		Window    int
	}{
		p.Train.SHA256, p.Train.Rows, p.Train.Columns, p.Train.Bad, string(p.Train.Transform), p.Job.Data.Holdout, model, p.Job.Optimizer,
		p.Job.Run.Epochs, p.Job.Run.Batch, p.Job.Run.Workers, p.Job.Run.Seed, p.Job.Run.Consistency,
		p.Job.Run.Staleness, p.Job.Run.Tolerance, wire, ranges, p.Job.Run.Stop,
		ShardRows(p.Train.Rows), windowRows,
	})
	if err != nil { // numbers and strings alone; NaN is refused by job.Validate
		panic("plan: hash: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
