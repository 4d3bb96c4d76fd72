package coordserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"google.golang.org/protobuf/proto"

	"parley/coordinator"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// The files of a job's folder. A coordinator that is started again goes on with
// what it finds there.
const (
	stateFile   = "state.json"   // saved
	trainFile   = "train.bin"    // packed manifest
	testFile    = "test.bin"     //
	eventsFile  = "events.jsonl" // as in the output
	outcomeFile = "outcome.bin"  // of a job that is over
)

// saved is state.json.
type saved struct {
	ID        param.JobID
	Run       string `json:",omitempty"` // the client's name of it
	Spec      json.RawMessage
	Submitted time.Time
	State     coordinator.State
}

// pages is what is to be written of a job, taken under the lock.
type pages struct {
	dir         string
	state       []byte // nil: as it was
	train, test []byte // nil: as they were, or not known yet
	events      [][]byte
	outcome     *parleyv1.Outcome
	gone        bool
}

// keeper writes down what the coordinator has to remember. Nothing waits for it:
// what is lost with a crash is told by the nodes, or done again.
type keeper struct {
	dir  string // empty: nothing is written down
	wake chan struct{}
}

// turnLocked notes that a record may have changed.
func (s *Server) turnLocked() {
	select {
	case s.keeper.wake <- struct{}{}:
	default:
	}
}

// keep writes down what has changed, whenever something has, until done.
func (s *Server) keep(done <-chan struct{}) {
	if s.keeper.dir == "" {
		return
	}
	for {
		select {
		case <-s.keeper.wake:
			s.writeAll()
		case <-done:
			s.writeAll()
			return
		}
	}
}

func (s *Server) writeAll() {
	s.mu.Lock()
	var list []pages
	for _, id := range s.mu.order {
		if p, changed := s.mu.jobs[id].pages(s.keeper.dir); changed {
			list = append(list, p)
		}
	}
	for _, id := range s.mu.forgotten {
		list = append(list, pages{dir: filepath.Join(s.keeper.dir, string(id)), gone: true})
	}
	s.mu.forgotten = nil
	s.mu.Unlock()
	for _, p := range list {
		if err := p.write(); err != nil {
			s.config.Logger.Error("the state of a job could not be written: a coordinator that is restarted will not know it", "error", err)
		}
	}
}

// pages returns what is to be written, once.
func (r *record) pages(dir string) (p pages, changed bool) {
	if r.written.outcome && len(r.events) == r.written.events {
		return p, false // it is over, and all is written
	}
	p.dir = filepath.Join(dir, string(r.id))
	state, err := json.Marshal(saved{ID: r.id, Run: r.run, Spec: r.spec, Submitted: r.submitted, State: r.machine.State()})
	if err != nil {
		panic("coordserver: state: " + err.Error()) // plain values
	}
	if !bytes.Equal(state, r.written.state) {
		p.state, r.written.state = state, state
	}
	if !r.written.manifests && r.machine.Manifest() != nil && r.manifests[0] != nil {
		p.train, p.test, r.written.manifests = r.manifests[0], r.manifests[1], true
	}
	p.events = r.events[r.written.events:]
	r.written.events = len(r.events)
	if r.over && !r.written.outcome {
		p.outcome, r.written.outcome = r.outcome, true
	}
	return p, p.state != nil || p.train != nil || len(p.events) > 0 || p.outcome != nil
}

// written is what of a record is on disk.
type written struct {
	state              []byte
	manifests, outcome bool
	events             int
}

func (p pages) write() error {
	if p.gone {
		return os.RemoveAll(p.dir)
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	var outcome []byte
	if p.outcome != nil {
		var err error
		if outcome, err = proto.Marshal(p.outcome); err != nil {
			return err
		}
	}
	err := p.appendEvents()
	for _, f := range []struct {
		name string
		text []byte
	}{{trainFile, p.train}, {testFile, p.test}, {outcomeFile, outcome}, {stateFile, p.state}} {
		if f.text != nil && err == nil {
			err = renameio.WriteFile(filepath.Join(p.dir, f.name), f.text, 0o644, renameio.WithTempDir(p.dir))
		}
	}
	return err
}

func (p pages) appendEvents() error {
	if len(p.events) == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(p.dir, eventsFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.Join(p.events, []byte("\n")), '\n'))
	return errors.Join(err, f.Close())
}

// load reads the jobs that an earlier process has left.
func (s *Server) load() {
	entries, err := os.ReadDir(s.keeper.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.config.Logger.Error("the jobs of before cannot be read", "error", err)
	}
	var records []*record
	for _, e := range entries {
		r, err := s.loadJob(filepath.Join(s.keeper.dir, e.Name()))
		if err != nil {
			s.config.Logger.Error("a job of before cannot be taken over", "job", e.Name(), "error", err)
			continue
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b *record) int { return a.submitted.Compare(b.submitted) })
	for _, r := range records {
		s.mu.jobs[r.id] = r
		r.machine.Beside(s.besideLocked(r))
		s.mu.order = append(s.mu.order, r.id)
	}
}

func (s *Server) loadJob(dir string) (*record, error) {
	var x saved
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err == nil {
		err = json.Unmarshal(text, &x)
	}
	if err != nil {
		return nil, err
	}
	j, err := job.Decode(x.Spec)
	if err != nil {
		return nil, err
	}
	if string(x.ID) != filepath.Base(dir) {
		return nil, fmt.Errorf("%s is of job %s", dir, x.ID)
	}
	r := newRecord(x.ID, j, s.config, x.Submitted)
	r.spec, r.run = x.Spec, x.Run
	if text, err := os.ReadFile(filepath.Join(dir, eventsFile)); err == nil {
		r.remember(text)
	}
	if r.outcome, err = loadOutcome(dir); err == nil {
		r.over, r.written.outcome = true, true
		r.machine = coordinator.Ended(x.ID, j, s.config.Limits, x.State)
		return r, nil
	}
	train, test := r.loadManifest(dir, trainFile, 0), r.loadManifest(dir, testFile, 1)
	if j.Data.Test != nil && test == nil {
		train = nil
	}
	r.machine = coordinator.Recover(x.ID, j, s.config.Limits, time.Now(), x.State, train, test)
	r.written.manifests = r.machine.Manifest() != nil
	if !r.written.manifests {
		r.manifests = [2][]byte{}
	}
	s.config.Logger.Info("job of before", "job", x.ID, "phase", x.State.Phase)
	return r, nil
}

// remember takes the events of before. A torn last line is left out.
func (r *record) remember(text []byte) {
	for line := range bytes.Lines(text) {
		if line, whole := bytes.CutSuffix(line, []byte("\n")); whole && json.Valid(line) {
			r.events = append(r.events, bytes.Clone(line))
		}
	}
	r.recent = slices.Clone(r.events[max(0, len(r.events)-statusEvents):])
	r.written.events = len(r.events)
}

func loadOutcome(dir string) (*parleyv1.Outcome, error) {
	text, err := os.ReadFile(filepath.Join(dir, outcomeFile))
	if err != nil {
		return nil, err
	}
	o := &parleyv1.Outcome{}
	return o, proto.Unmarshal(text, o)
}

// loadManifest reads a manifest, nil where there is none that can be used: the job
// starts over then.
func (r *record) loadManifest(dir, name string, i int) *plan.Manifest {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	m := &plan.Manifest{}
	if rpc.Unpack(text, m) != nil {
		return nil
	}
	r.manifests[i] = text
	return m
}
