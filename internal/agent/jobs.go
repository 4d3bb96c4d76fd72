package agent

import (
	"maps"
	"slices"
	"time"

	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// orphanAge is how long work goes on without a coordinator. A restart takes seconds;
// whoever is gone for longer has given the job up.
const orphanAge = 2 * time.Minute

// work returns what this node does for a job, which begins with the first order.
func (a *Agent) work(id string) *work {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.mu.jobs[param.JobID(id)]
	if w == nil {
		w = newWork(a.ctx, a, param.JobID(id))
		a.mu.jobs[w.id] = w
	}
	return w
}

// works returns all of them, by the job's id.
func (a *Agent) works() (list []*work) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(a.mu.jobs)) {
		list = append(list, a.mu.jobs[id])
	}
	return list
}

// tell sends a message over the session. Without one it is lost: whoever takes the
// work over asks anew.
func (a *Agent) tell(m *parleyv1.AgentMessage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.session != nil {
		a.mu.session.out.Put(m)
	}
}

// adoptedBy makes a session the one that is told, and returns what its coordinator
// has to know of earlier work.
func (a *Agent) adoptedBy(s *session) []*parleyv1.Holding {
	holds := map[param.JobID]*parleyv1.Holding{}
	for _, w := range a.works() {
		holds[w.id] = w.holding()
	}
	for _, x := range a.config.Ranges.Status() {
		h := holds[x.Job]
		if h == nil { // they came from another server
			h = &parleyv1.Holding{Job: string(x.Job)}
			holds[x.Job] = h
		}
		h.Era = uint64(x.Era)
		h.Ranges = append(h.Ranges, uint32(x.Range))
	}
	var list []*parleyv1.Holding
	for _, id := range slices.Sorted(maps.Keys(holds)) {
		list = append(list, holds[id])
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.session = s
	return list
}

// orphan notes that a session is over.
func (a *Agent) orphan(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.session == s {
		a.mu.session, a.mu.alone = nil, time.Now()
	}
}

// checkOrphans ends work that no coordinator has asked for in a long time.
func (a *Agent) checkOrphans(now time.Time) {
	a.mu.Lock()
	late := a.mu.session == nil && !a.mu.alone.IsZero() && now.Sub(a.mu.alone) > orphanAge
	a.mu.Unlock()
	if late {
		a.dropAll("there was no coordinator for too long")
	}
}

// drop ends the work on a job. A node that is disowned has lost it to others.
func (a *Agent) drop(id param.JobID, reason string, disowned bool) {
	a.mu.Lock()
	w := a.mu.jobs[id]
	delete(a.mu.jobs, id)
	a.mu.Unlock()
	if w == nil {
		a.config.Ranges.Drop(id, reason) // ranges that came from another server
		return
	}
	a.config.Logger.Info("job ended here", "job", id, "reason", reason)
	if disowned {
		w.disown()
	}
	w.stop(reason)
	a.group.Go(func() { // it may take a moment, and heartbeats may not
		if !disowned && a.ctx.Err() == nil { // the job is over, not this node
			w.unprobe()
		}
		w.wait()
	})
}

// dropAll ends all work and waits for it.
func (a *Agent) dropAll(reason string) {
	for _, w := range a.works() {
		a.drop(w.id, reason, false)
	}
	for _, id := range a.config.Ranges.Jobs() { // that came from other servers
		a.config.Ranges.Drop(id, reason)
	}
	a.group.Wait()
}
