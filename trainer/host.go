package trainer

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// Config is what a Host works with for one job.
type Config struct {
	Plan    *plan.Plan
	Train   Shards
	Test    Shards // nil where the job has no test data
	Held    *plan.Manifest
	Model   Model
	Pulled  int // floats a key of what workers pull
	Terms   int // scalars that a full-batch method sums over all ranges
	Solver  Solver
	Servers Servers
	// Slow is called with everything that computes, which it must run: experiments
	// make a trainer slow by it. nil runs it.
	Slow func(compute func())
	// Now tells the time, for what workers spend it on; nil: nothing is measured.
	Now func() time.Time
	// Report is told what became of workers and evaluations, from their
	// goroutines. It must not block for long.
	Report func(Outcome)
}

// Outcome is what a Host reports: the end of a worker's assignment or one
// evaluated unit.
type Outcome struct {
	Worker   param.Worker
	Term     param.Term
	Round    param.Round // the one that the worker would have gone on with; before the last when the method has ended
	Released bool        // left at a round boundary, as asked
	Spent    param.Spent // under this assignment
	Unit     *plan.Unit  // evaluated, with its Summary; Worker has no meaning then
	Summary  *metric.Summary
	Err      error
}

// Status is where a worker is, for leases and for people.
type Status struct {
	Worker  param.Worker
	Term    param.Term
	Round   param.Round
	Waiting bool // for a version: not this worker's own slowness
	Ticks   uint64
	Spent   param.Spent // under this assignment
}

// Host drives the workers and evaluations of one job on one trainer.
type Host struct {
	config   Config
	builders chan struct{} // one for each batch that is being built
	all      func() *Cut   // all keys, made when the first worker asks
	group    sync.WaitGroup
	mu       struct {
		sync.Mutex
		workers map[param.Worker]*run
	}
}

// run is a worker's goroutine, seen from outside.
type run struct {
	term    param.Term
	cancel  context.CancelFunc
	release atomic.Bool
	round   atomic.Uint64
	ticks   atomic.Uint64
	waiting atomic.Bool
	clock   clock
}

// NewHost returns a host without work. Close ends it.
func NewHost(config Config) *Host {
	if config.Slow == nil {
		config.Slow = func(compute func()) { compute() }
	}
	// More builders than cores would only hold up the workers that can learn.
	h := &Host{config: config, builders: make(chan struct{}, runtime.GOMAXPROCS(0))}
	h.all = sync.OnceValue(h.cutAll)
	h.mu.workers = map[param.Worker]*run{}
	return h
}

// Assign starts a worker with the given round; it ends before the round until, or
// at the end of the run. An older assignment of the same
// worker ends; one that is not older is kept and the call has no effect.
func (h *Host) Assign(ctx context.Context, w param.Worker, term param.Term, start, until param.Round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.mu.workers[w]; old != nil {
		if old.term >= term {
			return
		}
		old.cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &run{term: term, cancel: cancel, clock: clock{now: h.config.Now}}
	r.round.Store(uint64(start))
	h.mu.workers[w] = r
	h.group.Go(func() { h.work(ctx, w, r, start, min(until, h.config.Plan.Rounds)) })
}

// Release asks a worker to stop at its next round boundary and to report so.
func (h *Host) Release(w param.Worker, term param.Term) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.mu.workers[w]; r != nil && r.term == term {
		r.release.Store(true)
	}
}

// Revoke ends all workers of terms below the floor, without a report.
func (h *Host) Revoke(floor param.Term) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w, r := range h.mu.workers {
		if r.term < floor {
			r.cancel()
			delete(h.mu.workers, w)
		}
	}
}

// Close stops all workers and returns when their goroutines have ended.
func (h *Host) Close() {
	h.mu.Lock()
	for _, r := range h.mu.workers {
		r.cancel()
	}
	h.mu.Unlock()
	h.group.Wait()
}

// Status returns where each worker is, in no particular order.
func (h *Host) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Status
	for w, r := range h.mu.workers {
		out = append(out, Status{Worker: w, Term: r.term, Round: param.Round(r.round.Load()), Waiting: r.waiting.Load(), Ticks: r.ticks.Load(), Spent: r.clock.total()})
	}
	return out
}

// work runs a worker to its end and reports it.
func (h *Host) work(ctx context.Context, w param.Worker, r *run, start, until param.Round) {
	s := &session{host: h, run: r, until: until, batches: newBatches(h, w, until),
		worker: NewWorker(w, r.term, start, h.config.Plan.Ranges, h.config.Pulled)}
	// As many replies as a worker can have open: a push and a pull to each range.
	s.replies = make(chan Reply, 2*len(h.config.Plan.Ranges))
	rounds := s.rounds
	switch {
	case h.config.Solver != nil:
		rounds = s.panels
	case h.config.Plan.Job.FullBatch():
		rounds = s.passes
	}
	r.clock.start()
	released, err := rounds(ctx)
	h.mu.Lock()
	if h.mu.workers[w] == r {
		delete(h.mu.workers, w)
	}
	h.mu.Unlock()
	canceled := ctx.Err() != nil
	r.cancel()
	if !canceled {
		h.config.Report(Outcome{Worker: w, Term: r.term, Round: s.worker.Round(), Released: released, Spent: r.clock.total(), Err: err})
	}
	s.batches.close()
}

// session is a worker's life on this host.
type session struct {
	host    *Host
	run     *run
	until   param.Round
	batches *batches
	worker  *Worker
	replies chan Reply
	keys    []uint32 // of the round's columns, where a column has several
}

// rounds goes through the rounds until the last or until the worker is released
// at a boundary.
func (s *session) rounds(ctx context.Context) (released bool, err error) {
	for s.worker.Round() < s.until {
		if s.run.release.Load() {
			return true, s.await(ctx, s.worker.Settled)
		}
		block, err := s.batches.take(ctx, s.worker.Round())
		if err != nil {
			return false, err
		}
		s.run.clock.lap(reading)
		s.run.ticks.Add(1)
		if err := s.round(ctx, block); err != nil {
			return false, err
		}
		s.run.round.Store(uint64(s.worker.Round()))
	}
	return false, s.pull(ctx, s.worker.Cut(nil)) // the last version exists everywhere: all is applied
}

func (s *session) round(ctx context.Context, block *batch.Block) error {
	if err := s.pull(ctx, s.cutOf(block)); err != nil {
		return err
	}
	state := s.worker.State()
	var change []float32
	var loss float64
	s.host.config.Slow(func() { change, loss = s.host.config.Model.(Learner).Learn(block, state) })
	s.run.ticks.Add(1)
	clip(change, block.Rows(), s.host.config.Plan.Job.Optimizer.ClipNorm)
	if l, ok := s.host.config.Model.(Locator); ok {
		if where := l.Locate(change); where != "" {
			return s.diverged(s.worker.Round(), " of "+where)
		}
	}
	s.push(ctx, s.worker.Push(change, int64(block.Rows()), loss, nil))
	return nil
}

// clip scales a gradient of so many rows down to where its mean has the norm most,
// unless that is 0 or the norm is less. What is not finite stays.
func clip(gradient []float32, rows int, most float64) {
	if most == 0 {
		return
	}
	if norm := math.Sqrt(linalg.SumSquares(gradient)) / float64(rows); norm > most && linalg.FiniteScalar(norm) {
		linalg.Scale(gradient, float32(most/norm))
	}
}

// diverged is the error of a contribution with NaN or Inf.
func (s *session) diverged(round param.Round, where string) error {
	return param.Errorf(param.Diverged, "NaN or Inf in the contribution to round %d%s (%s): the model has diverged: lower optimizer.rate or scale the features", round, where, s.batches.feed.provenance(round))
}

// cutOf returns the keys of a block, ascending; they are valid until the next call.
func (s *session) cutOf(block *batch.Block) *Cut {
	p := s.host.config.Plan
	switch {
	case block.Rows() == 0:
		return s.worker.Cut(nil)
	case p.Whole:
		return s.host.all()
	case p.Layers == nil && p.Width == 1:
		return s.worker.Cut(block.Columns)
	}
	s.keys = appendKeys(s.keys[:0], p, block.Columns)
	return s.worker.Cut(s.keys)
}

// appendKeys appends the keys of columns, the last of which is the bias's, or stands for
// the tail of a model with layers.
func appendKeys(keys []uint32, p *plan.Plan, columns []uint32) []uint32 {
	width := uint32(p.Width)
	for _, c := range columns {
		if p.Layers != nil && int64(c) == p.Train.Columns { // the place of the bias is the tail's
			break
		}
		for k := range width {
			keys = append(keys, c*width+k)
		}
	}
	if p.Layers != nil {
		for k := p.Bias(); k < p.Keys; k++ {
			keys = append(keys, uint32(k))
		}
	}
	return keys
}

// pull waits until the state of the keys has come from all ranges.
func (s *session) pull(ctx context.Context, keys *Cut) error {
	s.send(ctx, s.worker.Pull(keys))
	s.run.waiting.Store(true)
	defer s.run.waiting.Store(false)
	return s.await(ctx, s.worker.Complete)
}

// push sends a contribution, which was computed until now.
func (s *session) push(ctx context.Context, requests []*Request) {
	s.run.clock.lap(computing)
	s.run.clock.rounds.Add(1)
	s.send(ctx, requests)
	s.run.clock.lap(pushing)
}

func (s *session) send(ctx context.Context, requests []*Request) {
	s.host.config.Servers.Send(ctx, requests, func(r Reply) {
		select {
		case s.replies <- r:
		case <-ctx.Done():
		}
	})
}

// await handles replies until the condition holds. It ends with the worker's
// context: the assignment is what owns the wait.
func (s *session) await(ctx context.Context, until func() bool) error {
	for !until() {
		select {
		case r := <-s.replies:
			s.run.clock.lap(s.worker.awaits())
			if err := s.handle(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// answers reports whether a pull's answer has as many values as were asked for; those
// of a program have a tail behind them.
func (s *session) answers(r *Reply) bool {
	more := len(r.Values) - len(r.Request.Offsets)*s.host.config.Pulled
	return more == 0 || more > 0 && (s.host.config.Solver != nil || s.host.config.Plan.Job.FullBatch())
}

func (s *session) handle(r Reply) error {
	switch {
	case r.Err != nil && param.KindOf(r.Err) == param.Diverged:
		return s.diverged(r.Request.Round, "")
	case r.Err != nil:
		return r.Err
	case r.Request.Push:
		s.worker.Pushed(r.Request.Range, r.Request.Round)
	case !s.answers(&r): // the worker would wait for ever
		return param.Errorf(param.Invalid, "range %d has answered %d keys of %d floats with %d values", r.Request.Range, len(r.Request.Offsets), s.host.config.Pulled, len(r.Values))
	default:
		s.worker.Pulled(r.Request.Range, r.Request.Round, r.Values)
		if r.Done != nil {
			r.Done()
		}
	}
	return nil
}

// Evaluate evaluates units and reports each. It returns when all are done or one
// has failed.
func (h *Host) Evaluate(ctx context.Context, units []plan.Unit) error {
	var weights []float32
	if !h.piecemeal() {
		var err error
		if weights, err = h.config.Servers.Weights(ctx); err != nil {
			return fmt.Errorf("read the model: %w", err)
		}
		if param.Key(len(weights)) != h.config.Plan.Keys {
			return param.Errorf(param.Invalid, "the model has %d keys, not %d", len(weights), h.config.Plan.Keys)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, u := range units {
		group.Go(func() error {
			sum, err := h.evaluate(ctx, u, weights)
			if err == nil {
				h.config.Report(Outcome{Unit: &u, Summary: sum})
			}
			return err
		})
	}
	return group.Wait()
}

// piecemealKeys is the size of a model from which on a trainer never holds all of it.
const piecemealKeys = 1 << 22

// piecemeal reports that evaluations read the parameters that their rows need, a data
// shard at a time.
func (h *Host) piecemeal() bool {
	p := h.config.Plan
	return p.Keys > piecemealKeys && !p.Whole && !p.Job.Model.FindsTopics()
}

// own returns the rows of a data shard for which keep holds over their own columns,
// and the parameters of these.
func (h *Host) own(ctx context.Context, rows *batch.CSR, keep func(i int) bool) (*batch.CSR, []float32, error) {
	p := h.config.Plan
	own := rows.Own(keep, p.Train.Columns)
	keys := appendKeys(nil, p, append(slices.Clone(own.Names), uint32(p.Train.Columns)))
	weights, err := h.config.Servers.Values(ctx, newCut(p.Ranges, keys).offsets)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read the model: %w", err)
	case len(weights) != len(keys):
		return nil, nil, param.Errorf(param.Invalid, "the model has %d of %d keys", len(weights), len(keys))
	}
	return own, weights, nil
}

// evaluate summarises the rows of one unit, shard by shard in order, with the weights of
// all keys or, without them, what it reads itself.
func (h *Host) evaluate(ctx context.Context, u plan.Unit, weights []float32) (*metric.Summary, error) {
	manifest, shards := h.config.Plan.Train, h.config.Train
	if u.Set == plan.SetTest {
		manifest, shards = h.config.Held, h.config.Test
	}
	if manifest == nil || u.Number < 0 {
		return nil, param.Errorf(param.Invalid, "there is no unit %d of %s data", u.Number, u.Set)
	}
	sum := metric.NewSummary(manifest.Rows)
	for _, s := range u.Shards(manifest) {
		rows, err := shards.Load(ctx, s.ID)
		if err != nil {
			return nil, fmt.Errorf("load data shard %d: %w", s.ID, err)
		}
		keep := h.keep(u.Set, rows.FirstRow)
		of := weights
		if of == nil {
			if rows, of, err = h.own(ctx, rows, keep); err != nil {
				return nil, err
			}
		}
		h.config.Model.Evaluate(rows, keep, of, sum)
	}
	return sum, nil
}

// keep tells which rows of a data shard belong to a set.
func (h *Host) keep(set plan.Set, first int64) func(i int) bool {
	p := h.config.Plan
	switch set {
	case plan.SetTrain:
		return func(i int) bool { return p.Trains(first + int64(i)) }
	case plan.SetHoldout:
		return func(i int) bool { return !p.Trains(first+int64(i)) && !p.Train.IsBad(first+int64(i)) }
	}
	return func(i int) bool { return !h.config.Held.IsBad(first + int64(i)) }
}
