package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"parley/coordinator"
	"parley/internal/client"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// jobProfile is what parley job profile --json prints.
type jobProfile struct {
	Job       string          `json:"job"`
	PerEpoch  uint64          `json:"rounds_per_epoch"`
	Workers   []workerProfile `json:"workers"`
	Straggler *stragglerNote  `json:"straggler"` // null: there is none
}

type workerProfile struct {
	Worker  uint32  `json:"worker"`
	Node    string  `json:"node"`
	Rounds  uint64  `json:"rounds"`
	Seconds seconds `json:"seconds"` // in all
}

type seconds struct {
	Read    float64 `json:"read"`
	Compute float64 `json:"compute"`
	Push    float64 `json:"push"`
	Wait    float64 `json:"wait"`
	Pull    float64 `json:"pull"`
}

type stragglerNote struct {
	Worker  uint32  `json:"worker"`
	Node    string  `json:"node"`
	Seconds float64 `json:"seconds"` // that each of the others waits for it in a round
	Share   float64 `json:"share"`   // of a round
	Excess  string  `json:"excess"`  // what it spends more on than they do
}

// profileJob prints where the time of a job's workers goes.
func profileJob(ctx context.Context, cl *client.Client, id string, asJSON bool) error {
	s, err := cl.Status(ctx, id)
	if err != nil {
		return err
	}
	t := timingOf(s.GetJobs()[0].GetTiming())
	if asJSON {
		return printJSON(os.Stdout, profileOf(id, t))
	}
	return printProfile(os.Stdout, id, t)
}

func timingOf(m *parleyv1.Timing) coordinator.Timing {
	t := coordinator.Timing{PerEpoch: param.Round(m.GetPerEpoch())}
	for _, w := range m.GetWorkers() {
		t.Workers = append(t.Workers, coordinator.WorkerTiming{Worker: param.Worker(w.GetWorker()), Node: param.NodeID(w.GetNode()), Spent: rpc.FromSpent(w.GetSpent())})
	}
	return t
}

func profileOf(id string, t coordinator.Timing) jobProfile {
	p := jobProfile{Job: id, PerEpoch: uint64(t.PerEpoch), Workers: []workerProfile{}}
	for _, w := range t.Workers {
		s := w.Spent
		p.Workers = append(p.Workers, workerProfile{uint32(w.Worker), string(w.Node), s.Rounds,
			seconds{s.Read.Seconds(), s.Compute.Seconds(), s.Push.Seconds(), s.Wait.Seconds(), s.Pull.Seconds()}})
	}
	if s := t.Straggler(); s != nil {
		p.Straggler = &stragglerNote{uint32(s.Worker), string(s.Node), s.Waited.Seconds(), s.Share, s.Excess}
	}
	return p
}

// printProfile prints milliseconds of a round by worker, the mean and its shares, and who
// is waited for.
func printProfile(out io.Writer, id string, t coordinator.Timing) error {
	var all param.Spent
	for _, w := range t.Workers {
		all.Add(w.Spent)
	}
	if all.Rounds == 0 {
		_, err := fmt.Fprintf(out, "job %s: no worker has done a round yet\n", id)
		return err
	}
	fmt.Fprintf(out, "job %s: milliseconds of a round, by worker\n\n", id)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "WORKER\tROUNDS\tREAD\tCOMPUTE\tPUSH\tWAIT\tPULL\tALL\tNODE\t")
	for _, x := range t.Workers {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t\n", x.Worker, x.Spent.Rounds, ofRound(x.Spent), x.Node)
	}
	fmt.Fprintf(w, "mean\t\t%s\t\t\n", ofRound(all))
	share := func(d time.Duration) string {
		return fmt.Sprintf("%.0f%%", 100*float64(d)/float64(max(1, all.Total())))
	}
	fmt.Fprintf(w, "share\t\t%s\t%s\t%s\t%s\t%s\t\t\t\n", share(all.Read), share(all.Compute), share(all.Push), share(all.Wait), share(all.Pull))
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nan epoch has %d rounds and takes %.2f s\n", t.PerEpoch, float64(t.PerEpoch)*all.Total().Seconds()/float64(all.Rounds))
	_, err := fmt.Fprintln(out, describeStraggler(t.Straggler()))
	return err
}

// ofRound writes milliseconds of a round, one column each.
func ofRound(s param.Spent) string {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(max(1, s.Rounds)) }
	return fmt.Sprintf("%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f", ms(s.Read), ms(s.Compute), ms(s.Push), ms(s.Wait), ms(s.Pull), ms(s.Total()))
}

func describeStraggler(s *coordinator.Straggler) string {
	if s == nil {
		return "no straggler: no worker is waited for more than the others"
	}
	text := fmt.Sprintf("straggler: worker %d on node %s: each of the others waits %.2f ms a round for it, %.0f%% of the time", s.Worker, s.Node, s.Waited.Seconds()*1000, 100*s.Share)
	if s.Excess != "" {
		text += "; it spends more than they do on " + s.Excess
	}
	return text
}
