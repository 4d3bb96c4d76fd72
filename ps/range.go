// Package ps is what runs on parameter servers: Range, the state of one
// parameter range of one job, its versions and the contributions to the next.
//
// It is a plain state machine: messages are methods, answers are return values.
// It has no goroutines, sockets or clocks; the driver (psserver) owns those and
// calls a Range from one goroutine at a time. The same machine runs under the
// event heap of internal/sim.
//
// A round: workers Pull version r, compute, and Push a contribution for round
// r. When the last worker's contribution has come, the update rule is applied,
// the version becomes r+1, and the pulls that were held for it are answered.
// That is bsp; in ssp and asp contributions are applied as they come, and the
// version is the round of the slowest worker.
package ps

import (
	"parley/internal/param"
	"parley/ps/optim"
)

// Mode says which version a worker may compute with.
type Mode int

const (
	// BSP: round r is computed with version r, of all contributions to the rounds
	// before and no others. The state has the same bits in every run.
	BSP Mode = iota
	// SSP: round r is computed with what is there when every worker has contributed
	// to round r-1-Staleness (Ho et al., "More effective distributed ML via a stale
	// synchronous parallel parameter server", NIPS 2013).
	SSP
	// ASP: whatever is there.
	ASP
)

// Spec fixes what a range is. It never changes while the job runs.
type Spec struct {
	ID        param.RangeID
	Span      param.Span
	Workers   int         // each contributes once a round
	Penalized param.Key   // keys below this one are subject to l2
	PerTally  param.Round // a Tally is kept every so many rounds: one an epoch
	Rule      optim.Rule  // or, with none, one of the two below
	Program   optim.Program
	Lanczos   *optim.Lanczos
	Dense     bool    // rounds are of most keys
	Initial   Initial // the weights that a rule begins with; nil: zeros
	Mode      Mode
	Staleness param.Round // SSP: how many rounds a worker may be ahead of the slowest
}

// Initial says what weights begin with.
type Initial interface {
	// Draw sets values to the weights of the keys from lo on, which depend on nothing
	// else. It may be called by any number of goroutines.
	Draw(values []float32, lo param.Key)
}

// draw sets values to what the weights from an offset on begin with.
func (s Spec) draw(values []float32, offset uint32) {
	if s.Initial == nil {
		clear(values)
		return
	}
	s.Initial.Draw(values, s.Span.Lo+param.Key(offset))
}

// Bounds of a range, so that a malformed message takes no memory: the keys of the
// largest model in one range, and the workers of the largest job.
const (
	MaxKeys    = 1<<28 + 1
	MaxWorkers = 1 << 16
)

// Validate reports what NewRange would not survive. The error is Invalid.
func (s Spec) Validate() error {
	switch {
	case s.Span.Lo >= s.Span.Hi || s.Span.Hi-s.Span.Lo > MaxKeys:
		return param.Errorf(param.Invalid, "range %d: keys %v: there must be 1 to %d", s.ID, s.Span, MaxKeys)
	case s.Workers < 1 || s.Workers > MaxWorkers:
		return param.Errorf(param.Invalid, "range %d: %d workers: there must be 1 to %d", s.ID, s.Workers, MaxWorkers)
	case s.PerTally < 1:
		return param.Errorf(param.Invalid, "range %d: a tally every 0 rounds", s.ID)
	case s.methods() != 1:
		return param.Errorf(param.Invalid, "range %d: there must be one update rule or program, not %d", s.ID, s.methods())
	case s.Rule == nil && (s.Span.Lo%s.leaf() != 0 || s.Mode != BSP):
		return param.Errorf(param.Invalid, "range %d: a program's keys are cut at multiples of %d and go by rounds, not %v in mode %d", s.ID, s.leaf(), s.Span, s.Mode)
	case s.Lanczos != nil && s.Span.Len()%s.Lanczos.Topics != 0:
		return param.Errorf(param.Invalid, "range %d: keys %v are not of whole columns of %d topics", s.ID, s.Span, s.Lanczos.Topics)
	case s.Mode < BSP || s.Mode > ASP:
		return param.Errorf(param.Invalid, "range %d: consistency mode %d: there are 0 to %d", s.ID, s.Mode, ASP)
	}
	return nil
}

// methods returns how many methods the spec has.
func (s Spec) methods() (n int) {
	for _, there := range []bool{s.Rule != nil, s.Program != nil, s.Lanczos != nil} {
		if there {
			n++
		}
	}
	return n
}

// leaf returns what the keys of a program's ranges are cut at multiples of.
func (s Spec) leaf() param.Key {
	if s.Lanczos != nil {
		return param.Key(optim.LanczosLeaf * s.Lanczos.Topics)
	}
	return optim.Leaf
}

// Slots returns the floats that are kept a key.
func (s Spec) Slots() int {
	switch {
	case s.Program != nil:
		return s.Program.Slots()
	case s.Lanczos != nil:
		return s.Lanczos.Slots()
	}
	return s.Rule.Slots()
}

// memory returns the float64s of a program that are kept beside the keys.
func (s Spec) memory() int {
	switch {
	case s.Program != nil:
		return s.Program.Memory()
	case s.Lanczos != nil:
		return lanczosMemory(s.Lanczos, s.Span.Lo == 0)
	}
	return 0
}

// pulled returns the floats a key of what workers read.
func (s Spec) pulled() int {
	if s.Rule == nil {
		return 1
	}
	return s.Rule.Pulled()
}

// penalized returns how many keys of the span, from the first on, are subject to
// l2.
func (s Spec) penalized() int {
	if s.Penalized <= s.Span.Lo {
		return 0
	}
	return int(min(s.Penalized, s.Span.Hi) - s.Span.Lo)
}

// Ticket is the driver's name for a pull, handed back with the answer to it.
type Ticket uint64

// Pull asks for the state of some keys at Version(Round).
type Pull struct {
	Worker  param.Worker
	Term    param.Term
	Round   param.Round
	Offsets []uint32 // key minus Span.Lo, ascending; none: only wait for the version
	// Checked says that the sender's offsets are known to be ascending and in the
	// span, as they are when the same list has been checked before.
	Checked bool
	// Alloc makes room for the n values of the answer, whatever they are; nil
	// stands for make. It may be called with a later message of another worker,
	// and must not call the range.
	Alloc func(n int) []float32
}

// Push is a contribution: what a worker's local steps changed in a round.
type Push struct {
	Worker  param.Worker
	Term    param.Term
	Round   param.Round
	Offsets []uint32  // key minus Span.Lo, ascending
	Change  []float32 // slot-major: slot s of offset i at s*len(Offsets)+i; of a program with its scalars
	Rows    int64     // rows that the worker learned from in the round
	Loss    float64   // sum of their losses, each before its own step
	Checked bool      // as in Pull
	// Done is called once, when the range no longer refers to Offsets and Change:
	// before Push returns when it refuses the contribution or knows it already,
	// else with it or with a later message, a Handover or Close. It must not call
	// the range.
	Done func()
}

// release says that the contribution's memory may be used for something else.
func (p *Push) release() {
	if p.Done != nil {
		p.Done()
		p.Done = nil
	}
}

// Answer is the outcome of a pull.
type Answer struct {
	Ticket Ticket
	Values []float32 // slot-major, owned by the receiver; of a program with its tail
	Err    error
	// Superseded says that the same worker has sent the pull several times more,
	// over new connections: the ticket is void, and nobody is to be told.
	Superseded bool
}

// Tally is what was counted up to a version, each row exactly once.
type Tally struct {
	Rows int64
	Loss float64
}

// Range holds the parameters of one range at a version, at the version before
// it, and what has come in for the next.
type Range struct {
	spec    Spec
	version param.Version
	applied int64      // number of applications
	table   table      // round's or arrived's
	round   *gathering // in bsp
	arrived *arrivals  // in ssp and asp
	terms   []param.Term
	held    [][]heldPull // by worker; at most maxHeld each
	total   Tally
	tallies []Tally
}

type heldPull struct {
	ticket Ticket
	pull   Pull
}

// maxHeld bounds the pulls that are held for a worker. They are one pull that was
// sent again over new connections. Which of the connections lives is not known
// here: what was sent over the old one may be read after what was sent over the
// new one. So all are answered, but for those that are several connections old.
const maxHeld = 4

// NewRange returns the range at version 0, with the initial weights. The spec must be
// valid.
func NewRange(spec Spec) *Range {
	r := &Range{spec: spec, terms: make([]param.Term, spec.Workers), held: make([][]heldPull, spec.Workers)}
	if spec.Mode == BSP {
		r.round = newGathering(spec)
		r.table = r.round.table
	} else {
		r.arrived = newArrivals(spec)
		r.table = r.arrived.table
	}
	return r
}

// Spec returns what the range was made with.
func (r *Range) Spec() Spec { return r.spec }

// Version returns the number of rounds applied.
func (r *Range) Version() param.Version { return r.version }

// Tallies returns the sums at the end of each full PerTally rounds. The caller
// must not change them.
func (r *Range) Tallies() []Tally { return r.tallies }

// Total returns the sums over all rounds applied.
func (r *Range) Total() Tally { return r.total }

// Missing returns the workers that keep the version from being the next: those
// whose contribution to the round of its number has not come yet.
func (r *Range) Missing() []param.Worker {
	if r.arrived != nil {
		return r.arrived.slowest()
	}
	return r.round.missing()
}

// Weights appends the weights at the current version, one a key of the span.
func (r *Range) Weights(dst []float32) []float32 {
	return r.table.weights(dst)
}

// Values returns the weights of some keys at the current version, by their offsets,
// which ascend. The error is Invalid.
func (r *Range) Values(offsets []uint32) ([]float32, error) {
	if !ascending(offsets, r.spec.Span.Len()) {
		return nil, param.Errorf(param.Invalid, "range %d: keys are not ascending, or beyond %v", r.spec.ID, r.spec.Span)
	}
	values := make([]float32, len(offsets))
	r.table.read(values, offsets)
	return values, nil
}

// Fence raises the term of a worker: from now on messages of older terms are
// refused. It returns the round that the worker has to contribute to next, and
// the refusals of pulls that were held for an older term. An older or equal
// term changes nothing.
func (r *Range) Fence(w param.Worker, term param.Term) (next param.Round, refused []Answer, err error) {
	if int(w) >= r.spec.Workers {
		return 0, nil, r.unknownWorker(w)
	}
	if term > r.terms[w] {
		r.terms[w] = term
		for _, h := range r.held[w] {
			refused = append(refused, Answer{Ticket: h.ticket, Err: r.stale(w, h.pull.Term)})
		}
		r.held[w] = nil
	}
	return r.next(w), refused, nil
}

// next returns the round that a worker has to contribute to next.
func (r *Range) next(w param.Worker) param.Round {
	switch {
	case r.arrived != nil:
		return r.arrived.clocks[w]
	case r.round.contributed[w]:
		return param.Round(r.version) + 1
	}
	return param.Round(r.version)
}

// Close releases the contributions that the range still refers to. It must not be
// used any more.
func (r *Range) Close() {
	if r.round != nil {
		r.round.close()
	}
}

// admit checks worker and term of a message. A newer term than the one known
// fences the older ones, as Fence does; the workers' messages may overtake it.
func (r *Range) admit(w param.Worker, term param.Term) (refused []Answer, err error) {
	if int(w) >= r.spec.Workers {
		return nil, r.unknownWorker(w)
	}
	if term < r.terms[w] {
		return nil, r.stale(w, term)
	}
	_, refused, err = r.Fence(w, term)
	return refused, err
}

func (r *Range) unknownWorker(w param.Worker) error {
	return param.Errorf(param.Invalid, "range %d: worker %d is not one of the job's %d", r.spec.ID, w, r.spec.Workers)
}

func (r *Range) stale(w param.Worker, term param.Term) error {
	return param.Errorf(param.Stale, "range %d: worker %d has term %d now, not %d", r.spec.ID, w, r.terms[w], term)
}
