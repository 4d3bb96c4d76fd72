package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"parley/internal/checkpoint"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// probeWithin bounds the look at the location of checkpoints.
const probeWithin = 10 * time.Second

// backup is what this node has to do with a job's checkpoints.
type backup struct {
	mu    sync.Mutex
	store checkpoint.Store // nil before it was opened
	to    string
}

// openStore returns the place of a job's checkpoints.
func (w *work) openStore(spec []byte) (checkpoint.Store, error) {
	w.backup.mu.Lock()
	defer w.backup.mu.Unlock()
	if w.backup.store != nil {
		return w.backup.store, nil
	}
	j, err := job.Decode(spec)
	if err != nil {
		return nil, err
	}
	store, err := w.agent.config.Checkpoints(j.Run.Checkpoint.To)
	if err != nil {
		return nil, fmt.Errorf("run.checkpoint.to: %w", err)
	}
	w.backup.store, w.backup.to = store, j.Run.Checkpoint.To
	return store, nil
}

// opened returns the place of checkpoints that was opened before.
func (w *work) opened() (checkpoint.Store, error) {
	w.backup.mu.Lock()
	defer w.backup.mu.Unlock()
	if w.backup.store == nil {
		return nil, param.Errorf(param.Invalid, "the location of checkpoints was not probed on this node")
	}
	return w.backup.store, nil
}

// probe tells whether this node sees the location of checkpoints.
func (w *work) probe(m *parleyv1.Probe) {
	w.group.Go(func() {
		ctx, cancel := context.WithTimeout(w.ctx, probeWithin)
		defer cancel()
		answer, err := w.look(ctx, m)
		if err != nil {
			answer = &parleyv1.Probed{Fault: rpc.Fault(err)}
		}
		answer.Job = string(w.id)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Probed{Probed: answer}})
	})
}

func (w *work) look(ctx context.Context, m *parleyv1.Probe) (*parleyv1.Probed, error) {
	store, err := w.openStore(m.GetSpec())
	if err != nil {
		return nil, err
	}
	if err := checkpoint.Probe(ctx, store, string(w.id), m.GetWrite()); err != nil {
		return nil, fmt.Errorf("checkpoints in %s: %w", w.backup.to, err)
	}
	answer := &parleyv1.Probed{}
	if !m.GetFind() {
		return answer, nil
	}
	found, damaged, err := checkpoint.Complete(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		answer.Found = append(answer.Found, &parleyv1.Found{PlanHash: f.Manifest.PlanHash, Extra: f.Manifest.Extra, Name: &parleyv1.CheckpointName{Dir: f.Dir, Version: uint64(f.Manifest.Version)}})
	}
	for _, d := range damaged {
		answer.Damaged = append(answer.Damaged, d.Error())
	}
	return answer, nil
}

// unprobe removes the probe file of a job that is over here.
func (w *work) unprobe() {
	if store, err := w.opened(); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
		defer cancel()
		checkpoint.EndProbe(ctx, store, string(w.id)) // a file too many does no harm
	}
}

// snapshot has the parts of this node's ranges written when they are at the
// version. The copies are taken between two rounds and written while the next ones
// go on.
func (w *work) snapshot(m *parleyv1.Snapshot) {
	c := &cut{work: w, name: m.GetName(), parts: map[uint32][]byte{}, copies: semaphore.NewWeighted(copiedBytes)}
	store, err := w.opened()
	if err != nil {
		c.finish(err, false)
		return
	}
	c.left = len(m.GetRanges())
	passed, err := w.agent.config.Ranges.Snapshot(w.id, idsOf(m.GetRanges()), param.Version(m.GetName().GetVersion()), func(id param.RangeID, f *ps.Frozen) {
		w.group.Go(func() { c.write(store, id, f) })
	})
	if err != nil || passed {
		c.finish(err, passed)
	}
}

func idsOf(numbers []uint32) (ids []param.RangeID) {
	for _, n := range numbers {
		ids = append(ids, param.RangeID(n))
	}
	return ids
}

// cut is one server's part of a checkpoint in the making.
type cut struct {
	work   *work
	name   *parleyv1.CheckpointName
	copies *semaphore.Weighted
	mu     sync.Mutex
	left   int
	over   bool // told
	// JSON of checkpoint.Part, by range.
	parts map[uint32][]byte
}

// write writes the part of a range.
func (c *cut) write(store checkpoint.Store, id param.RangeID, f *ps.Frozen) {
	text, err := c.part(store, id, f)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts[uint32(id)] = text
	c.left--
	if err != nil || c.left == 0 {
		c.finishLocked(err, false)
	}
}

// copiedBytes bounds the copies of large ranges that are written at a time.
const copiedBytes = 64 << 20

// part writes the part of a range, and returns the JSON of checkpoint.Part.
func (c *cut) part(store checkpoint.Store, id param.RangeID, f *ps.Frozen) ([]byte, error) {
	size := min(f.Bytes(), copiedBytes)
	if err := c.copies.Acquire(c.work.ctx, size); err != nil {
		return nil, context.Cause(c.work.ctx)
	}
	defer c.copies.Release(size)
	header, sections := f.Snapshot().Encode()
	part, err := checkpoint.WritePart(c.work.ctx, store, c.name.GetDir(), id, json.RawMessage(header), sectionsOf(sections))
	if err != nil {
		return nil, err
	}
	return json.Marshal(part)
}

func sectionsOf(list []ps.Section) (out []checkpoint.Section) {
	for _, s := range list {
		out = append(out, checkpoint.Section{Name: s.Name, Data: s.Data})
	}
	return out
}

func (c *cut) finish(err error, passed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishLocked(err, passed)
}

// finishLocked tells the coordinator, once.
func (c *cut) finishLocked(err error, passed bool) {
	if c.over || c.work.ctx.Err() != nil {
		return
	}
	c.over = true
	c.work.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Snapped{Snapped: &parleyv1.Snapped{
		Job: string(c.work.id), Name: c.name, Parts: c.parts, Passed: passed, Fault: rpc.Fault(err)}}})
}

// commit completes a checkpoint and removes those that are older than the ones to
// be kept.
func (w *work) commit(m *parleyv1.Commit) {
	w.group.Go(func() {
		err := w.complete(m)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Committed{Committed: &parleyv1.Committed{
			Job: string(w.id), Name: m.GetName(), Fault: rpc.Fault(err)}}})
	})
}

func (w *work) complete(m *parleyv1.Commit) error {
	store, err := w.opened()
	if err != nil {
		return err
	}
	manifest := &checkpoint.Manifest{}
	if err := json.Unmarshal(m.GetManifest(), manifest); err != nil {
		return param.Errorf(param.Invalid, "manifest of a checkpoint: %w", err)
	}
	if err := checkpoint.Commit(w.ctx, store, m.GetName().GetDir(), manifest); err != nil {
		return err
	}
	if err := checkpoint.Prune(w.ctx, store, int(m.GetKeep()), m.GetName().GetDir()); err != nil {
		w.agent.config.Logger.Warn("old checkpoints stay", "job", w.id, "error", err)
	}
	return nil
}

// restore makes ranges of their parts of a checkpoint.
func (w *work) restore(store checkpoint.Store, from *parleyv1.CheckpointName, specs []ps.Spec) ([]*ps.Range, error) {
	found, _, err := checkpoint.Complete(w.ctx, store)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found, func(e checkpoint.Entry) bool { return e.Dir == from.GetDir() })
	if at < 0 {
		return nil, param.Errorf(param.Corrupt, "the checkpoint %s is gone from %s", from.GetDir(), w.backup.to)
	}
	parts := found[at].Manifest.Parts
	ranges := make([]*ps.Range, len(specs))
	group, ctx := errgroup.WithContext(w.ctx)
	group.SetLimit(restoring)
	for i, spec := range specs {
		if int(spec.ID) >= len(parts) {
			return nil, param.Errorf(param.Corrupt, "the checkpoint %s has %d ranges", from.GetDir(), len(parts))
		}
		group.Go(func() (err error) {
			ranges[i], err = readRange(ctx, store, from.GetDir(), parts[spec.ID], spec)
			return err
		})
	}
	return ranges, group.Wait()
}

// restoring is how many parts are read at once: what takes time is the store.
const restoring = 4

func readRange(ctx context.Context, store checkpoint.Store, dir string, part checkpoint.Part, spec ps.Spec) (*ps.Range, error) {
	var header json.RawMessage
	sections, err := checkpoint.ReadPart(ctx, store, dir, part, &header)
	if err != nil {
		return nil, err
	}
	list := make([]ps.Section, len(sections))
	for i, s := range sections {
		list[i] = ps.Section{Name: s.Name, Data: s.Data}
	}
	s, err := ps.DecodeSnapshot(header, list...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part.File, err)
	}
	r, err := ps.Restore(spec, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part.File, err)
	}
	return r, nil
}
