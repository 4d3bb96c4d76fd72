package agent

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"parley/datashard"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// open opens the data of a job, once.
func (w *work) open(j *job.Job) error {
	w.opening.Lock()
	defer w.opening.Unlock()
	var test error
	var both sync.WaitGroup
	if w.test == nil && j.Data.Test != nil {
		both.Go(func() { w.test, test = w.borrow("test", *j.Data.Test, &j.Data) })
	}
	var train error
	if w.train == nil {
		w.train, train = w.borrow("train", j.Data.Train, &j.Data)
	}
	both.Wait()
	if train != nil {
		return fmt.Errorf("data.train: %w", train)
	}
	if test != nil {
		return fmt.Errorf("data.test: %w", test)
	}
	return nil
}

func (w *work) borrow(set string, source job.Source, data *job.Data) (*datashard.Dataset, error) {
	config := &w.agent.config
	options := datashard.Options{TempDir: config.DataDir, Remote: config.Remote}
	if data.Cache == "on" {
		options.Blocks = config.Blocks
	}
	return config.Library.borrow(w.book(set), func() (*datashard.Dataset, error) {
		return datashard.Open(w.ctx, SourceOf(source, data), options)
	})
}

// SourceOf is what datashard opens for a dataset of a job.
func SourceOf(s job.Source, data *job.Data) datashard.Source {
	return datashard.Source{Path: s.Path, Format: s.Format, Columns: s.Columns, Labels: s.Labels, Vocab: s.Vocab, Spec: profile.SpecOf(data)}
}

// book is the library's name of a job's data.
func (w *work) book(set string) string { return string(w.id) + "/" + set }

// profile finds the rows of a job's data.
func (w *work) profile(m *parleyv1.Profile) {
	w.group.Go(func() {
		answer, err := w.scan(m.GetSpec())
		if err != nil {
			answer = &parleyv1.Profiled{Fault: rpc.Fault(err)}
		}
		answer.Job = string(w.id)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Profiled{Profiled: answer}})
	})
}

func (w *work) scan(spec []byte) (*parleyv1.Profiled, error) {
	j, err := job.Decode(spec)
	if err != nil {
		return nil, err
	}
	if err := w.open(j); err != nil {
		return nil, err
	}
	train, err := w.train.Scan(w.ctx)
	if err != nil {
		return nil, fmt.Errorf("data.train: %w", err)
	}
	answer := &parleyv1.Profiled{Train: rpc.Pack(train), Fit: w.train.NeedsFit()}
	if w.test == nil {
		return answer, nil
	}
	test, err := w.test.ScanAs(w.ctx, train)
	if err != nil {
		return nil, fmt.Errorf("data.test: %w", err)
	}
	answer.Test = rpc.Pack(test)
	return answer, nil
}

// fit reads all rows of units and tells what was found in each.
func (w *work) fit(m *parleyv1.Fit) {
	w.group.Go(func() {
		err := w.fitUnits(m)
		if err != nil && w.ctx.Err() == nil {
			for _, u := range m.GetUnits() { // the coordinator has those that were done
				w.fitted(u, nil, err)
			}
		}
	})
}

func (w *work) fitUnits(m *parleyv1.Fit) error {
	j, err := job.Decode(m.GetSpec())
	if err != nil {
		return err
	}
	if err := w.open(j); err != nil {
		return err
	}
	if _, err := use(w.train, m.GetTrain()); err != nil {
		return err
	}
	if w.test != nil {
		if _, err := use(w.test, m.GetTest()); err != nil {
			return err
		}
	}
	limit := profile.Limit(profile.SpecOf(&j.Data))
	group, ctx := errgroup.WithContext(w.ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, u := range m.GetUnits() {
		group.Go(func() error { return w.fitUnit(ctx, u, limit) })
	}
	return group.Wait()
}

func (w *work) fitUnit(ctx context.Context, u *parleyv1.Unit, limit int64) error {
	data := w.train
	if plan.Set(u.GetSet()) == plan.SetTest {
		data = w.test
	}
	if data == nil {
		return param.Errorf(param.Invalid, "there is no unit %d of %s data", u.GetNumber(), u.GetSet())
	}
	part, err := data.Fit(ctx, plan.Unit{Number: int(u.GetNumber())}, limit)
	if err != nil {
		return fmt.Errorf("data.%s: %w", u.GetSet(), err)
	}
	w.fitted(u, part, nil)
	return nil
}

// fitted tells what was found in a unit.
func (w *work) fitted(u *parleyv1.Unit, part *profile.Part, err error) {
	answer := &parleyv1.Fitted{Job: string(w.id), Unit: u}
	if err == nil {
		answer.Bad = rpc.Pack(part.Bad)
		answer.Fit, err = part.Fit.MarshalBinary()
	}
	answer.Fault = rpc.Fault(err)
	w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Fitted{Fitted: answer}})
}

func (w *work) prepare(m *parleyv1.Prepare) {
	w.group.Go(func() {
		err := w.setUp(m)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Prepared{Prepared: &parleyv1.Prepared{Job: string(w.id), Fault: rpc.Fault(err)}}})
	})
}

// use gives a dataset its manifest.
func use(d *datashard.Dataset, packed []byte) (*plan.Manifest, error) {
	m := &plan.Manifest{}
	if err := rpc.Unpack(packed, m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, d.Use(m)
}
