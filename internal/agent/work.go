package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/datashard"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	"parley/internal/wire"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps/optim"
	"parley/ps/psclient"
	"parley/trainer"
	"parley/trainer/fm"
	"parley/trainer/linear"
	"parley/trainer/lsi"
	"parley/trainer/mlp"
	"parley/trainer/softmax"
)

// work is what this node does for one job. Orders come from the session's
// receiver, one at a time; what takes long runs in goroutines of the group.
type work struct {
	agent  *Agent
	id     param.JobID
	ctx    context.Context
	cancel context.CancelCauseFunc
	group  sync.WaitGroup

	opening sync.Mutex // held while data is opened, so that it is opened once
	train   *datashard.Dataset
	test    *datashard.Dataset

	creating sync.Mutex // held while ranges are made
	era      uint64     // of those that were made last
	backup   backup

	mu      sync.Mutex
	host    *trainer.Host               // nil before the job was prepared here
	held    map[param.Worker]param.Term // assigned here and not reported ended
	servers *psclient.Client            // nil before the job was prepared here
	routed  *parleyv1.Route             // the last one that came
}

func newWork(ctx context.Context, a *Agent, id param.JobID) *work {
	w := &work{agent: a, id: id, held: map[param.Worker]param.Term{}}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w
}

// stop begins the end: nothing of the work has an effect any more.
func (w *work) stop(reason string) {
	w.cancel(param.Errorf(param.Stale, "job %s is over: %s", w.id, reason))
	w.agent.config.Ranges.Drop(w.id, reason)
}

// wait returns when everything has stopped.
func (w *work) wait() {
	w.group.Wait()
	if h := w.trainer(); h != nil {
		h.Close()
	}
	if w.train != nil {
		w.agent.config.Library.giveBack(w.book("train"))
	}
	if w.test != nil {
		w.agent.config.Library.giveBack(w.book("test"))
	}
}

func (w *work) trainer() *trainer.Host {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.host
}

func (w *work) tell(m *parleyv1.AgentMessage) { w.agent.tell(m) }

// holding says what the node has of the job, for a coordinator that was restarted.
func (w *work) holding() *parleyv1.Holding {
	h := &parleyv1.Holding{Job: string(w.id), Prepared: w.trainer() != nil}
	for _, x := range w.status() {
		h.Workers = append(h.Workers, &parleyv1.WorkerStatus{Worker: uint32(x.Worker), Term: uint64(x.Term), Round: uint64(x.Round)})
	}
	return h
}

func (w *work) status() []trainer.Status {
	if h := w.trainer(); h != nil {
		return h.Status()
	}
	return nil
}

// setUp makes the host of the job's workers.
func (w *work) setUp(m *parleyv1.Prepare) error {
	j, err := job.Decode(m.GetSpec())
	if err != nil {
		return err
	}
	if err := w.open(j); err != nil {
		return err
	}
	config := trainer.Config{Train: w.train, Report: w.report, Now: time.Now}
	if slow := w.agent.slow; slow > 1 {
		config.Slow = slowdown(w.ctx, slow)
	}
	train, err := use(w.train, m.GetTrain())
	if err != nil {
		return fmt.Errorf("data.train: %w", err)
	}
	config.Plan = plan.New(j, train)
	if len(m.GetRanges()) != len(config.Plan.Ranges) {
		return param.Errorf(param.Invalid, "there are servers of %d ranges for a plan of %d", len(m.GetRanges()), len(config.Plan.Ranges))
	}
	if w.test != nil {
		if config.Held, err = use(w.test, m.GetTest()); err != nil {
			return fmt.Errorf("data.test: %w", err)
		}
		config.Test = w.test
	}
	method, err := methodOf(j, config.Plan.PerEpoch)
	if err != nil {
		return err
	}
	switch {
	case method.program != nil:
		config.Pulled, config.Terms = 1, method.program.Terms()
	case method.lanczos != nil:
		config.Pulled, config.Solver = 1, method.lanczos
	default:
		config.Pulled = method.rule.Pulled()
	}
	if config.Model, err = modelOf(j, train, method.rule); err != nil {
		return err
	}
	encoding, err := wire.ParseEncoding(j.Run.Wire)
	if err != nil {
		return err
	}
	client := psclient.New(psclient.Config{Job: w.id, Servers: m.GetRanges(), Encoding: encoding, Dial: w.dial, Logger: w.agent.config.Logger})
	w.group.Go(func() { client.Run(w.ctx) })
	config.Servers = client
	w.mu.Lock()
	defer w.mu.Unlock()
	w.host, w.servers = trainer.NewHost(config), client
	if w.routed != nil { // it came while the data was opened
		client.Route(w.routed.GetRanges())
	}
	return nil
}

// route tells this node's workers where the ranges are now, and ends those of terms
// below the floor.
func (w *work) route(m *parleyv1.Route) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routed = m
	if w.host == nil {
		return
	}
	w.host.Revoke(param.Term(m.GetFloor()))
	w.servers.Route(m.GetRanges())
}

func (w *work) dial(address string) (grpc.ClientConnInterface, error) {
	return w.agent.dialer.dial(address, rpc.Data)
}

// modelOf returns what learns and evaluates; rule is nil where a program has the
// servers.
func modelOf(j *job.Job, train *plan.Manifest, rule optim.Rule) (trainer.Model, error) {
	switch j.Model.Kind {
	case "softmax":
		return softmax.New(train.LabelValues(), rule)
	case "fm":
		return fm.New(fm.Settings{Loss: j.Model.Loss, Rank: j.Model.Rank, Positive: positive(train), Clip: plan.Clip(&j.Model, train)}, rule)
	case "mlp", "wide_deep":
		s := mlp.Settings{Layers: plan.LayersFor(j, train), Activation: j.Model.Activation, Loss: j.Model.Loss, Dropout: j.Model.Dropout,
			Labels: train.LabelValues(), Positive: positive(train), Dim: j.Model.Dim}
		if j.Model.Embeds() {
			s.Fields = plan.FieldsOrOne(train.Fields)
		}
		return mlp.New(s)
	case "lsi":
		return lsi.New(j.Model.Topics)
	}
	return linear.New(j.Model.Kind, positive(train), rule)
}

// positive returns the label of the positive class of logistic and hinge: the
// larger one.
func positive(m *plan.Manifest) float32 {
	if len(m.Labels) == 0 {
		return 0
	}
	return m.Labels[len(m.Labels)-1].Value
}

func (w *work) fence(m *parleyv1.FenceOrder) {
	answer := &parleyv1.Fenced{Job: string(w.id)}
	var workers []param.Worker
	var terms []param.Term
	for _, f := range m.GetFences() {
		workers, terms = append(workers, param.Worker(f.GetWorker())), append(terms, param.Term(f.GetTerm()))
	}
	next, err := w.agent.config.Ranges.Fence(w.id, idsOf(m.GetRanges()), workers, terms)
	answer.Fault = rpc.Fault(err)
	for i, n := range next {
		answer.Fences = append(answer.Fences, &parleyv1.Fence{Worker: uint32(workers[i]), Term: uint64(terms[i]), Next: uint64(n)})
	}
	w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Fenced{Fenced: answer}})
}

func (w *work) assign(m *parleyv1.Assign) {
	h := w.trainer()
	for _, x := range m.GetWorkers() {
		a := trainer.Outcome{Worker: param.Worker(x.GetWorker()), Term: param.Term(x.GetTerm()), Round: param.Round(x.GetRound())}
		if h == nil {
			a.Err = w.unprepared()
			w.report(a)
			continue
		}
		w.mu.Lock()
		w.held[a.Worker] = a.Term
		w.mu.Unlock()
		h.Assign(w.ctx, a.Worker, a.Term, a.Round, param.Round(x.GetUntil()))
	}
}

// unprepared answers an order that only a trainer with the data can follow. The
// coordinator waits for Prepared first, so it is a fault of it; but it gets an
// answer, as it would wait for one.
func (w *work) unprepared() error {
	return param.Errorf(param.NotOwner, "job %s was not prepared on this node", w.id)
}

func (w *work) release(m *parleyv1.Release) {
	if h := w.trainer(); h != nil {
		for _, x := range m.GetWorkers() {
			h.Release(param.Worker(x.GetWorker()), param.Term(x.GetTerm()))
		}
	}
}

func (w *work) evaluate(m *parleyv1.Evaluate) {
	var units []plan.Unit
	for _, u := range m.GetUnits() {
		units = append(units, plan.Unit{Set: plan.Set(u.GetSet()), Number: int(u.GetNumber()), Term: param.Term(u.GetTerm())})
	}
	h := w.trainer()
	w.group.Go(func() {
		err := w.unprepared()
		if h != nil {
			err = h.Evaluate(w.ctx, units)
		}
		if err != nil && w.ctx.Err() == nil {
			for _, u := range units { // the coordinator has those that were done
				w.report(trainer.Outcome{Unit: &u, Err: err})
			}
		}
	})
}

// report tells the coordinator what became of a worker or a unit.
func (w *work) report(o trainer.Outcome) {
	if o.Unit != nil {
		w.reportUnit(o)
		return
	}
	w.mu.Lock()
	if w.held[o.Worker] == o.Term {
		delete(w.held, o.Worker)
	}
	w.mu.Unlock()
	if param.KindOf(o.Err) == param.Stale {
		w.refused(o.Worker, o.Term, o.Err.Error())
	}
	w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_WorkerEnd{WorkerEnd: &parleyv1.WorkerEnd{
		Job: string(w.id), Worker: uint32(o.Worker), Term: uint64(o.Term), Round: uint64(o.Round), Released: o.Released, Spent: rpc.Spent(o.Spent), Fault: rpc.Fault(o.Err)}}})
}

// refused keeps for the next heartbeat that a worker was refused: this session may
// be over already.
func (w *work) refused(id param.Worker, term param.Term, message string) {
	w.agent.config.Logger.Warn("a worker of this node was refused: its term is over", "job", w.id, "worker", id, "term", term, "error", message)
	w.agent.tellLater(&parleyv1.Refused{Job: string(w.id), Worker: uint32(id), Term: uint64(term), Message: message})
}

// disown notes that all workers here have lost their terms with the session.
func (w *work) disown() {
	w.mu.Lock()
	held := w.held
	w.held = map[param.Worker]param.Term{}
	w.mu.Unlock()
	for id, term := range held {
		w.refused(id, term, "the node's session had ended")
	}
}

func (w *work) reportUnit(o trainer.Outcome) {
	m := &parleyv1.Evaluated{Job: string(w.id), Fault: rpc.Fault(o.Err),
		Unit: &parleyv1.Unit{Set: string(o.Unit.Set), Number: uint32(o.Unit.Number), Term: uint64(o.Unit.Term)}}
	if o.Err == nil {
		m.Summary = rpc.Summary(o.Summary)
	}
	w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Evaluated{Evaluated: m}})
}
