package ps

import (
	"parley/internal/param"
	"parley/ps/optim"
)

// arrivals applies contributions as they come, each once: ssp and asp. The
// version is the least clock.
type arrivals struct {
	clocks []param.Round // by worker, its next round
	behind int           // workers at the least clock
	table  *arrivalTable
	window int64 // rows since the last full window
}

func newArrivals(spec Spec) *arrivals {
	return &arrivals{clocks: make([]param.Round, spec.Workers), behind: spec.Workers, table: newArrivalTable(spec)}
}

// slowest returns the workers at the least clock.
func (a *arrivals) slowest() (ws []param.Worker) {
	least := a.least()
	for w, c := range a.clocks {
		if c == least {
			ws = append(ws, param.Worker(w))
		}
	}
	return ws
}

func (a *arrivals) least() param.Round {
	least := a.clocks[0]
	for _, c := range a.clocks {
		least = min(least, c)
	}
	return least
}

// tick advances a worker's clock, and reports whether that advances the least.
func (a *arrivals) tick(w param.Worker, least param.Round) bool {
	a.clocks[w]++
	if a.clocks[w] > least+1 {
		return false
	}
	a.behind--
	if a.behind > 0 {
		return false
	}
	a.behind = len(a.slowest())
	return true
}

// apply1 applies a contribution by itself.
//
// A round's contributions should move the weights as in bsp when all of them are
// computed with the same version. There a weight gets the mean over the m workers
// that touched the key, and the rule sees the rows of all W workers. So here it
// gets a part 1/m of each change, m being guessed from the contributions before
// (arrivalTable), and a rule of gradients is told W times the contribution's rows,
// so that its mean gradient is the worker's share of the round's. Rules that do
// not depend on the gradient's scale (adam) take a step of their own size at each
// contribution all the same, W a round. The penalty comes once in W contributions,
// a window, with their rows: it would weigh W times as much else.
func (r *Range) apply1(p *Push) (advanced bool) {
	a, workers := r.arrived, int64(r.spec.Workers)
	a.window += p.Rows
	round := optim.Round{Number: r.applied, Rows: max(1, p.Rows), Steps: float64(a.window) / float64(workers)}
	if !r.spec.Rule.Local() {
		round.Rows *= workers
	}
	last := (r.applied+1)%workers == 0
	a.table.apply(p, round, uint32(r.applied/workers), last)
	p.release()
	if last {
		a.window = 0
	}
	r.applied++
	r.total.add(Tally{p.Rows, p.Loss})
	if !a.tick(p.Worker, param.Round(r.version)) {
		return false
	}
	r.advance()
	return true
}

func (a *arrivals) keep(s *Snapshot) {
	s.Clocks, s.Window = append(s.Clocks[:0], a.clocks...), a.window
}

func (a *arrivals) load(s *Snapshot) {
	copy(a.clocks, s.Clocks)
	a.window, a.behind = s.Window, len(a.slowest())
}
