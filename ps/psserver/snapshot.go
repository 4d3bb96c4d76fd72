package psserver

import (
	"parley/internal/param"
	"parley/ps"
)

// due is a snapshot that is to be taken when a range is at a version.
type due struct {
	version param.Version
	take    func(*ps.Frozen)
}

// Snapshot has a snapshot taken of some ranges of a job when each is at the version:
// take is called for each, with the lock of the range, and must not block. A range
// is asked for one snapshot at a time: the last one. passed says that one of them
// was beyond the version already, and that its snapshot will not come.
func (s *Server) Snapshot(job param.JobID, ids []param.RangeID, version param.Version, take func(param.RangeID, *ps.Frozen)) (passed bool, err error) {
	all, err := s.some(job, ids)
	if err != nil {
		return false, err
	}
	for id, h := range all {
		h.mu.Lock()
		if h.mu.r.Version() > version {
			passed = true
		} else {
			h.mu.due = &due{version: version, take: func(x *ps.Frozen) { take(id, x) }}
			h.takeLocked()
		}
		h.mu.Unlock()
	}
	return passed, nil
}

// takeLocked takes the snapshot that is due at the range's version.
func (h *hosted) takeLocked() {
	if d := h.mu.due; d != nil && h.mu.away == nil && h.mu.r.Version() >= d.version {
		h.mu.due = nil
		d.take(h.mu.r.Freeze())
	}
}

// Yielded is a range that is out of service.
type Yielded struct {
	Spec     ps.Spec
	Era      int
	Handover *ps.Handover
}

// Yield takes a range out of service and returns all that it is. Keep puts it back,
// Forget drops it.
func (s *Server) Yield(job param.JobID, id param.RangeID) (*Yielded, error) {
	h, err := s.hosted(job, id)
	if err != nil {
		return nil, err
	}
	h.leave(moved(job, id))
	h.mu.Lock()
	defer h.mu.Unlock()
	return &Yielded{Spec: h.mu.r.Spec(), Era: h.era, Handover: h.mu.r.Handover()}, nil
}

func moved(job param.JobID, id param.RangeID) error {
	return param.Errorf(param.NotOwner, "range %d of job %s is moving to another node", id, job)
}

// Keep puts a range back into service that was to move.
func (s *Server) Keep(job param.JobID, id param.RangeID) {
	if h, err := s.hosted(job, id); err == nil {
		h.mu.Lock()
		h.mu.away = nil
		h.mu.Unlock()
	}
}

// Forget drops a range that has moved.
func (s *Server) Forget(job param.JobID, id param.RangeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.jobs[job], id)
}

// Adopt takes in a range that comes from another server. The error is Stale when the
// range is of an era that is over.
func (s *Server) Adopt(job param.JobID, era int, r *ps.Range) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.passedLocked(job, era); err != nil {
		return err
	}
	if s.mu.jobs[job] == nil {
		s.mu.jobs[job] = map[param.RangeID]*hosted{}
	}
	s.mu.jobs[job][r.Spec().ID] = newHosted(job, era, r)
	s.note(r)
	return nil
}

// some returns the given ranges of a job. The error is NotOwner when one of them is
// not here.
func (s *Server) some(job param.JobID, ids []param.RangeID) (map[param.RangeID]*hosted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.jobs[job] == nil {
		return nil, s.unknown(job)
	}
	found := map[param.RangeID]*hosted{}
	for _, id := range ids {
		if found[id] = s.mu.jobs[job][id]; found[id] == nil {
			return nil, param.Errorf(param.NotOwner, "range %d of job %s is not on this node", id, job)
		}
	}
	return found, nil
}
