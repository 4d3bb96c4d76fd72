package trainer

import (
	"sort"

	"parley/internal/linalg"
	"parley/internal/param"
)

// Request is a message of a worker to the server of a range. The pull of a
// round asks for the state of Offsets; the push carries the Change to it.
type Request struct {
	Range   param.RangeID
	Worker  param.Worker
	Term    param.Term
	Round   param.Round
	Push    bool
	Offsets []uint32 // key minus the range's lowest
	Change  []float32
	Rows    int64
	Loss    float64
}

// Worker is the step machine of one logical worker under one term: for each
// round it pulls the version from all ranges, waits for what its owner computes
// from it, and pushes the contribution to all ranges. It is stepped by one
// goroutine at a time and does nothing by itself.
//
// Requests may be sent any number of times until they are answered; the ranges
// see to it that nothing counts twice, and a worker that nothing is answered
// twice.
type Worker struct {
	ID     param.Worker
	Term   param.Term
	spans  []param.Span
	pulled int // floats a key of pulls

	round  param.Round
	cut    *Cut // the round's keys
	state  []float32
	tails  [][]float32 // by range: what was answered behind the keys' values
	pulls  []*Request  // by range: not answered yet
	pushes []*Request
	open   int // pulls not answered
}

// NewWorker returns a worker that begins with the given round; pulled is the
// floats a key of its pulls.
func NewWorker(id param.Worker, term param.Term, start param.Round, spans []param.Span, pulled int) *Worker {
	return &Worker{
		ID: id, Term: term, round: start, spans: spans, pulled: pulled,
		tails: make([][]float32, len(spans)),
		pulls: make([]*Request, len(spans)), pushes: make([]*Request, len(spans)),
	}
}

// Round returns the round that the worker is in.
func (w *Worker) Round() param.Round { return w.round }

// Cut is keys divided among the ranges of a worker.
type Cut struct {
	keys    []uint32   // ascending
	at      []int      // range i has keys[at[i]:at[i+1]]
	offsets [][]uint32 // by range, shared by requests: never changed
}

// Cut divides keys (ascending), which must not change as long as it is used.
func (w *Worker) Cut(keys []uint32) *Cut { return newCut(w.spans, keys) }

// newCut divides keys among ranges. Workers of the same ranges may share it.
func newCut(spans []param.Span, keys []uint32) *Cut {
	c := &Cut{keys: keys, at: make([]int, len(spans)+1), offsets: make([][]uint32, len(spans))}
	for i, s := range spans {
		lo := c.at[i]
		hi := lo + sort.Search(len(keys)-lo, func(j int) bool { return param.Key(keys[lo+j]) >= s.Hi })
		c.at[i+1] = hi
		c.offsets[i] = make([]uint32, hi-lo)
		for j, k := range keys[lo:hi] {
			c.offsets[i][j] = k - uint32(s.Lo)
		}
	}
	return c
}

// Pull begins the round with the keys that the round's batch needs, and returns the
// pulls to be sent: one to each range, if only to wait for the version.
func (w *Worker) Pull(keys *Cut) []*Request {
	w.cut = keys
	w.state = grow(w.state, len(keys.keys)*w.pulled)
	w.open = len(w.spans)
	for i := range w.spans {
		w.pulls[i] = w.request(i, Request{Offsets: keys.offsets[i]})
	}
	return append([]*Request(nil), w.pulls...)
}

func (w *Worker) request(i int, r Request) *Request {
	r.Range, r.Worker, r.Term, r.Round = param.RangeID(i), w.ID, w.Term, w.round
	return &r
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// Pulled takes a range's answer, slot-major values of the keys that were asked
// for and, of a program, its tail. Answers to other rounds, and second answers,
// change nothing.
func (w *Worker) Pulled(id param.RangeID, round param.Round, values []float32) {
	p := w.pulls[id]
	if p == nil || p.Round != round || len(values) < len(p.Offsets)*w.pulled {
		return
	}
	lo, m := w.cut.at[id], len(p.Offsets)
	for s := range w.pulled {
		copy(w.state[s*len(w.cut.keys)+lo:], values[s*m:(s+1)*m])
	}
	w.tails[id] = append(w.tails[id][:0], values[m*w.pulled:]...)
	w.pulls[id] = nil
	w.open--
}

// Complete reports whether all ranges have answered the round's pulls.
func (w *Worker) Complete() bool { return w.open == 0 }

// State returns the state of the round's keys, slot-major, as it was pulled. The
// owner may compute in place.
func (w *Worker) State() []float32 { return w.state }

// Tail returns what a range has answered behind the values of the keys, until the
// next round.
func (w *Worker) Tail(id param.RangeID) []float32 { return w.tails[id] }

// DropTails frees the memory of the tails.
func (w *Worker) DropTails() { clear(w.tails) }

// Push ends the round: change is the contribution, slot-major values of the
// round's keys, some floats a key, and scalars go to every range behind them
// (linalg.AppendWords). It returns the pushes to be sent, one to each range; a range
// whose keys are not among the round's is told so by an empty one. The worker is in
// the next round then.
func (w *Worker) Push(change []float32, rows int64, loss float64, scalars []float64) []*Request {
	n := len(w.cut.keys)
	pushed := len(change) / max(1, n)
	for i := range w.spans {
		lo, hi := w.cut.at[i], w.cut.at[i+1]
		r := Request{Push: true, Offsets: w.cut.offsets[i], Change: make([]float32, 0, (hi-lo)*pushed+2*len(scalars)), Rows: rows, Loss: loss}
		for s := range pushed {
			r.Change = append(r.Change, change[s*n+lo:s*n+hi]...)
		}
		r.Change = linalg.AppendWords(r.Change, scalars)
		w.pushes[i] = w.request(i, r)
	}
	w.round++
	return append([]*Request(nil), w.pushes...)
}

// PushParts ends the round, without keys: each range is sent a part of its own.
func (w *Worker) PushParts(parts [][]float32, rows int64, loss float64) []*Request {
	for i := range w.spans {
		w.pushes[i] = w.request(i, Request{Push: true, Offsets: w.cut.offsets[i], Change: parts[i], Rows: rows, Loss: loss})
	}
	w.round++
	return append([]*Request(nil), w.pushes...)
}

// Pushed takes a range's acknowledgement.
func (w *Worker) Pushed(id param.RangeID, round param.Round) {
	if p := w.pushes[id]; p != nil && p.Round == round {
		w.pushes[id] = nil
	}
}

// awaits says what the worker awaits while it has open requests.
func (w *Worker) awaits() phase {
	switch {
	case !w.Settled():
		return pushing
	case w.open == len(w.spans):
		return waiting
	}
	return pulling
}

// Settled reports whether every range has acknowledged every contribution.
func (w *Worker) Settled() bool {
	for _, p := range w.pushes {
		if p != nil {
			return false
		}
	}
	return true
}
