package sim

import (
	"math"
	"time"

	"parley/coordinator"
	"parley/internal/param"
	"parley/ps"
	"parley/trainer"
)

// hosting drives a worker's step machine on a trainer.
type hosting struct {
	node    *trainerNode
	worker  *trainer.Worker
	keys    []uint32
	last    bool // the pull behind the last round
	release bool
	until   param.Round
	ticks   uint64
}

// current reports whether the worker still runs on its node.
func (h *hosting) current() bool {
	return h.node.alive && h.node.workers[h.worker.ID] == h
}

// begin starts a round, or ends the assignment.
func (h *hosting) begin() {
	plan := h.node.world.plan()
	switch {
	case h.release && h.worker.Settled():
		h.end(coordinator.WorkerEnded{Released: true})
	case h.worker.Round() >= h.until:
		h.last, h.keys = true, nil
		h.send(h.worker.Pull(h.worker.Cut(nil)))
	default:
		h.keys = keysOf(h.worker.ID, h.worker.Round(), uint32(plan.Keys))
		h.send(h.worker.Pull(h.worker.Cut(h.keys)))
	}
}

func (h *hosting) end(e coordinator.WorkerEnded) {
	delete(h.node.workers, h.worker.ID)
	e.Worker, e.Term, e.Round = h.worker.ID, h.worker.Term, h.worker.Round()
	w := h.node.world
	h.node.tell(func(now time.Time) { w.machine.WorkerEnded(now, h.node.name, e) })
}

// compute makes the round's contribution out of the state that was pulled.
func (h *hosting) compute() {
	if h.last {
		h.end(coordinator.WorkerEnded{})
		return
	}
	state := h.worker.State()
	all := digest(state)
	for i := range state {
		n := i % len(h.keys)
		state[i] = learn(h.worker.ID, h.worker.Round(), h.keys[n], i/len(h.keys), state[i], all)
		if h.disowned() {
			// Whatever a worker does after its term has ended on every server must
			// not count: so it does something else.
			state[i] += 1
		}
	}
	h.ticks++
	h.send(h.worker.Push(state, h.rows(), 0.5, nil))
	h.begin()
}

// disowned reports whether every range asks for a newer term.
func (h *hosting) disowned() bool {
	w := h.node.world
	for id := range w.plan().Ranges {
		if w.terms[param.RangeID(id)][h.worker.ID] <= h.worker.Term {
			return false
		}
	}
	return true
}

// rows is what the plan gives the worker in its round.
func (h *hosting) rows() int64 {
	p := h.node.world.plan()
	epoch, step := p.Position(h.worker.Round())
	total := int64(0)
	for _, window := range p.Stream(epoch, h.worker.ID) {
		total += window.Rows
	}
	size := int64(p.Job.Run.Batch)
	return max(0, min(size, total-step*size))
}

// send sends requests to their ranges, each until it is answered.
func (h *hosting) send(requests []*trainer.Request) {
	for _, r := range requests {
		d := &delivery{hosting: h, request: r}
		d.attempt()
	}
}

// delivery is a request on its way, with what a network may do to it.
type delivery struct {
	hosting  *hosting
	request  *trainer.Request
	answered bool
}

// retryAfter is when a request that was not answered is sent again.
const retryAfter = 400 * time.Millisecond

func (d *delivery) attempt() {
	if d.answered || !d.hosting.current() {
		return
	}
	w := d.hosting.node.world
	if s := w.servers[param.NodeID(d.hosting.node.routes[d.request.Range])]; s != nil {
		d.transmit(func() {
			if s.alive {
				s.handle(d.request, d.reply)
			}
		})
	}
	w.after(retryAfter, d.attempt)
}

// transmit delivers a message late, twice, or not at all.
func (d *delivery) transmit(deliver func()) {
	w := d.hosting.node.world
	if w.chance(w.config.Drop) {
		w.Faults.Dropped++
		return
	}
	w.after(w.upTo(w.config.Delay), deliver)
	if w.chance(w.config.Repeat) {
		w.Faults.Repeated++
		w.after(w.upTo(3*w.config.Delay), deliver)
	}
}

func (d *delivery) reply(a ps.Answer) {
	d.transmit(func() {
		if !d.answered && d.hosting.current() {
			d.answered = true
			d.hosting.receive(d.request, a)
		}
	})
}

// receive hands an answer to the step machine.
func (h *hosting) receive(r *trainer.Request, a ps.Answer) {
	switch {
	case a.Err != nil:
		if param.KindOf(a.Err) == param.Stale {
			h.node.world.Faults.Refused++
		}
		h.end(coordinator.WorkerEnded{Err: a.Err})
	case r.Push:
		h.worker.Pushed(r.Range, r.Round)
		if h.release && h.worker.Settled() && h.worker.Complete() {
			h.begin()
		}
	default:
		before := h.worker.Complete()
		h.worker.Pulled(r.Range, r.Round, a.Values)
		if !before && h.worker.Complete() {
			h.compute()
		}
	}
}

// keysOf returns the keys that a worker's batch has in a round: about a third.
func keysOf(w param.Worker, r param.Round, keys uint32) (out []uint32) {
	for k := range keys {
		if hash(uint64(w), uint64(r), uint64(k))%3 == 0 {
			out = append(out, k)
		}
	}
	return out
}

// digest stands for what all keys of a batch have to do with each other: a row's
// gradient depends on the state of each of its keys, whatever range they are in.
func digest(state []float32) uint64 {
	words := make([]uint64, len(state))
	for i, v := range state {
		words[i] = uint64(math.Float32bits(v))
	}
	return hash(words...)
}

// learn is the change to one value of a key's state: every bit of the state
// counts, and the accumulator only grows.
func learn(w param.Worker, r param.Round, key uint32, slot int, value float32, all uint64) float32 {
	noise := float32(hash(uint64(w), uint64(r), uint64(key), uint64(slot), all)%1000)/1000 - 0.5
	if slot > 0 {
		return float32(noise * noise)
	}
	return noise - float32(0.1*value)
}

// hash is FNV-1a of the words.
func hash(words ...uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, w := range words {
		for range 8 {
			h = (h ^ w&0xff) * 1099511628211
			w >>= 8
		}
	}
	return h ^ h>>29&math.MaxUint32
}
