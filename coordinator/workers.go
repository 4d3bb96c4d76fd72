package coordinator

import (
	"fmt"
	"slices"
	"time"

	"parley/internal/param"
)

// standing is where a logical worker stands between trainers.
type standing int

const (
	homeless  standing = iota // on no node
	fencing                   // every server is raising its term; target waits
	assigned                  // on node
	releasing                 // on node, asked to leave at its round boundary for target
	finished                  // has seen the last version everywhere
)

// worker is a logical worker as the coordinator sees it.
type worker struct {
	id       param.Worker
	standing standing
	term     param.Term
	node     param.NodeID // where it is, or has finished; empty while homeless or fencing
	target   param.NodeID // where it goes
	awaited  []param.NodeID
	next     param.Round // least of the servers' answers so far
	status   WorkerStatus
	moved    time.Time    // when status last moved
	asked    time.Time    // when the release was asked for
	failures int          // in a row, of the round below
	failed   param.Round  // when it failed last
	avoid    param.NodeID // where it failed or stalled last: only where there is no other node
	host     param.NodeID // where it was put last
	spent    param.Spent  // under earlier assignments
	stalls   int          // times that it was taken from a node for making no progress
}

// home is where a worker is or is going to be.
func (w *worker) home() param.NodeID {
	if w.target != "" {
		return w.target
	}
	return w.node
}

// placeWorkers gives every homeless worker a trainer, and moves workers to even
// out the load. A worker that moves is fenced on every server before its new
// trainer hears of it, so nobody acts on an assignment it no longer holds.
func (m *Machine) placeWorkers() {
	trainers := m.trainers()
	homes := make([]param.NodeID, len(m.workers)) // of finished ones too: they leave no gap to fill
	open := false
	for i, w := range m.workers {
		homes[i] = w.home()
		open = open || w.standing != finished
	}
	if !open {
		m.startEvaluation()
		return
	}
	if len(trainers) == 0 || m.moving != nil {
		return // the waits have owners and deadlines: see checkTrainers and checkMove
	}
	var moves []*worker
	for i, node := range Place(m.id, trainers, homes, m.otherWorkers) {
		w := m.workers[i]
		if node == w.avoid && w.home() != node {
			// Better a node with one worker more than one that has failed this one. It
			// stays where it is, if it is somewhere: else it might go around for ever.
			if slices.Contains(trainers, w.home()) {
				node = w.home()
			} else if other := m.otherThan(node); other != "" {
				node = other
			}
		}
		if node != homes[i] || w.standing == homeless {
			if m.move(w, node) {
				moves = append(moves, w)
			}
		}
	}
	m.sendFences(moves)
}

// move sends a worker on its way to a node. It reports whether a fence is due.
func (m *Machine) move(w *worker, node param.NodeID) (fence bool) {
	switch w.standing {
	case homeless:
		w.target = node
		m.fence(w)
		return true
	case assigned:
		w.standing, w.target, w.asked = releasing, node, m.now
		m.send(w.node, Order{Release: []Assignment{{Worker: w.id, Term: w.term}}})
	case fencing, releasing:
		w.target = node
	}
	return false
}

// fence begins a new term of a worker.
func (m *Machine) fence(w *worker) {
	if m.moving != nil { // it begins when the range has moved
		w.standing, w.node, w.target = homeless, "", ""
		return
	}
	w.standing, w.node = fencing, ""
	w.term = max(w.term+1, m.least)
	w.awaited, w.next = m.serverNodes(), m.target()
}

// sendFences tells every server of the workers' new terms.
func (m *Machine) sendFences(workers []*worker) {
	var fences []Fence
	for _, w := range workers {
		if w.standing == fencing {
			fences = append(fences, Fence{Worker: w.id, Term: w.term})
		}
	}
	if len(fences) == 0 {
		return
	}
	for _, node := range m.serverNodes() {
		m.send(node, Order{Fence: fences})
	}
}

// Fenced is a server's answer: where each worker's contributions stand. When the
// last server has answered, the worker is assigned to its target and begins with
// the earliest round that some range still needs of it.
func (m *Machine) Fenced(now time.Time, node param.NodeID, fences []Fence, err error) {
	m.now = now
	if m.over() || m.member(node) == nil {
		return
	}
	if err != nil {
		if m.refusals++; m.refusals >= m.limits.Tries {
			m.fail(fmt.Errorf("parameter server %s: %w", node, err))
		} else if m.fencing() { // else it is of ranges of before
			m.lose(node, err.Error())
		}
		return
	}
	ready := map[param.NodeID][]Assignment{}
	for _, f := range fences {
		if int(f.Worker) >= len(m.workers) {
			continue
		}
		w := m.workers[f.Worker]
		i := slices.Index(w.awaited, node)
		if w.standing != fencing || w.term != f.Term || i < 0 {
			continue
		}
		w.awaited, w.next = slices.Delete(w.awaited, i, i+1), min(w.next, f.Next)
		if len(w.awaited) == 0 {
			m.assign(w, ready)
		}
	}
	for _, x := range m.members {
		m.sendAssignments(x.Node, ready[x.Node])
	}
	m.advance()
}

// assign puts a fenced worker on its target, or back among the homeless when the
// target is gone.
func (m *Machine) assign(w *worker, ready map[param.NodeID][]Assignment) {
	if x := m.member(w.target); x == nil || x.trainer != prepared {
		w.standing, w.target = homeless, ""
		return
	}
	w.standing, w.node, w.target, w.moved = assigned, w.target, "", m.now
	m.recovers = max(m.recovers, param.Version(w.next)+1) // cannot exist without this worker
	w.host, w.spent = w.node, w.total()
	w.status = WorkerStatus{Worker: w.id, Term: w.term, Round: w.next}
	ready[w.node] = append(ready[w.node], Assignment{Worker: w.id, Term: w.term, Round: w.next, Until: m.target()})
}

func (m *Machine) sendAssignments(node param.NodeID, list []Assignment) {
	if len(list) == 0 {
		return
	}
	e := Event{Kind: "assignment", Node: node, Round: list[0].Round}
	for _, a := range list {
		e.Workers = append(e.Workers, a.Worker)
		e.Round = min(e.Round, a.Round)
	}
	e.Message = fmt.Sprintf("%s on node %s from round %d", named("worker", e.Workers), node, e.Round)
	m.note(e)
	m.send(node, Order{Assign: list})
}

// WorkerEnded takes the end of an assignment: released at a boundary, finished,
// or failed.
func (m *Machine) WorkerEnded(now time.Time, node param.NodeID, e WorkerEnded) {
	m.now = now
	if m.over() || int(e.Worker) >= len(m.workers) {
		return
	}
	w := m.workers[e.Worker]
	if w.node != node || w.term != e.Term || w.standing != assigned && w.standing != releasing {
		return
	}
	w.status.Spent = e.Spent
	switch {
	case param.KindOf(e.Err) == param.Diverged: // it names the round, which is an earlier one
		m.fail(m.at(node, fmt.Errorf("worker %d: %w", w.id, e.Err)))
		return
	case e.Err != nil && !mayGoAway(e.Err):
		m.fail(m.at(node, fmt.Errorf("worker %d, round %d: %w", w.id, e.Round, e.Err)))
		return
	case e.Err != nil:
		if e.Round > w.failed {
			w.failures = 0
		}
		w.failed, w.avoid = e.Round, node
		if w.failures++; w.failures >= m.limits.Tries {
			m.fail(m.at(node, fmt.Errorf("worker %d, round %d, failed %d times: %w", w.id, e.Round, w.failures, e.Err)))
			return
		}
		m.note(Event{Kind: "failure", Node: node, Workers: []param.Worker{w.id}, Round: e.Round, Message: fmt.Sprintf("worker %d on node %s: %v; it starts again", w.id, node, e.Err)})
		w.standing, w.node, w.target = homeless, "", ""
	case e.Released:
		m.fence(w)
		m.sendFences([]*worker{w})
	default:
		w.standing, w.target = finished, ""
		if e.Round < m.target() { // the method has come to its end, for all workers alike
			m.ended = e.Round
		}
	}
	m.advance()
}

// mayGoAway tells errors that another try may not meet from those of data or
// model, which would come back.
func mayGoAway(err error) bool {
	switch param.KindOf(err) {
	case param.Invalid, param.Corrupt, param.Diverged:
		return false
	}
	return true
}

// abandon takes all work from a node that is lost.
func (m *Machine) abandon(node param.NodeID, reason string) {
	var lost []param.Worker
	var fences []*worker
	for _, w := range m.workers {
		if w.node == node && (w.standing == assigned || w.standing == releasing) {
			lost = append(lost, w.id)
			if w.standing == releasing {
				m.fence(w) // its target stands
				fences = append(fences, w)
				continue
			}
			w.standing, w.node = homeless, ""
		}
		if w.target == node {
			w.target = ""
			if w.standing == releasing { // it can stay
				w.standing = assigned
			}
		}
	}
	units := m.abandonUnits(node)
	if len(lost) == 0 && units == 0 {
		return
	}
	m.restarts++
	if m.phase == Fitting {
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("node %s was lost (%s): its %d units of data are read elsewhere", node, reason, units)})
		return
	}
	m.loss()
	m.note(Event{Kind: "failure", Node: node, Workers: lost, Round: param.Round(m.version()),
		Message: fmt.Sprintf("node %s was lost (%s): %s go elsewhere", node, reason, describeLoss(lost, units))})
	m.sendFences(fences)
}

// loss notes that the rounds may stand still from now on.
func (m *Machine) loss() {
	if m.lost.IsZero() {
		m.lost = m.now
	}
}

func describeLoss(lost []param.Worker, units int) string {
	if len(lost) == 0 {
		return fmt.Sprintf("%d evaluations", units)
	}
	return named("worker", lost)
}

// version returns the version that all ranges have reached, as last heard.
func (m *Machine) version() param.Version {
	if len(m.ranges) == 0 {
		return 0
	}
	return slices.MinFunc(m.ranges, func(a, b RangeStatus) int { return int(int64(a.Version) - int64(b.Version)) }).Version
}

// checkTrainers ends a job that nobody has come to go on with.
func (m *Machine) checkTrainers() {
	needed := m.phase == Fitting || m.phase == Preparing || m.phase == Training || m.phase == Evaluating
	if !needed || slices.ContainsFunc(m.members, func(x *member) bool { return x.Trainer && x.trainer != excluded }) {
		m.alone = time.Time{}
		return
	}
	if m.alone.IsZero() {
		m.alone = m.now
	}
	if m.now.Sub(m.alone) > m.limits.Trainer {
		m.fail(fmt.Errorf("no trainer has come for %v", m.limits.Trainer))
	}
}

// checkWorkers enforces the limits on workers' waits.
func (m *Machine) checkWorkers() {
	if m.phase != Training || len(m.trainers()) == 0 {
		return
	}
	var fences []*worker
	for _, w := range m.workers {
		overdue := w.standing == releasing && m.now.Sub(w.asked) > m.limits.Release
		if overdue || m.stalled(w) {
			m.note(Event{Kind: "failure", Node: w.node, Workers: []param.Worker{w.id}, Round: w.status.Round,
				Message: fmt.Sprintf("worker %d on node %s made no progress for %v: it goes elsewhere", w.id, w.node, m.now.Sub(w.moved).Round(time.Second))})
			m.restarts++
			m.loss()
			w.stalls++
			if w.standing == assigned {
				w.target, w.avoid = m.otherThan(w.node), w.node
			}
			m.fence(w)
			fences = append(fences, w)
		}
	}
	m.sendFences(fences)
}

// stalled reports whether a worker holds others up although its node's lease
// holds, and there is another node for it. The patience doubles each time: a
// batch that takes long everywhere gets done in the end.
func (m *Machine) stalled(w *worker) bool {
	patience := m.limits.Stall << min(w.stalls, 16)
	return w.standing == assigned && !w.status.Waiting && m.now.Sub(w.moved) > patience && m.otherThan(w.node) != ""
}

// otherThan returns the trainer with the fewest workers that is not the given
// one.
func (m *Machine) otherThan(node param.NodeID) param.NodeID {
	best, least := param.NodeID(""), 0
	for _, n := range m.trainers() {
		load := 0
		for _, w := range m.workers {
			if w.home() == n {
				load++
			}
		}
		if n != node && (best == "" || load < least) {
			best, least = n, load
		}
	}
	return best
}

// named returns "worker 3" or "workers 1, 2, 5".
func named(noun string, ids []param.Worker) string {
	text := noun
	if len(ids) != 1 {
		text += "s"
	}
	for i, id := range ids {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d", id)
	}
	return text
}
