package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/internal/artifact"
	"parley/internal/checkpoint"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/node"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// trainOptions are the flags of parley train.
type trainOptions struct {
	cluster  string
	servers  int
	trainers int
	detach   bool
	json     bool
	force    bool
	chaos    []string
	data     dataOptions
}

// addFlags adds the flags of all commands that run a job.
func (o *trainOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&o.servers, "servers", 1, "parameter servers of the embedded cluster")
	f.IntVar(&o.trainers, "trainers", runtime.NumCPU(), "trainers of the embedded cluster (default: as many as there are cores)")
	f.Lookup("trainers").DefValue = "0" // so that help says the same on all machines
	o.data.addFlags(c, "with the embedded cluster: folder for the cache of parsed rows (default: parley-data in the user's cache folder)")
	f.BoolVar(&o.detach, "detach", false, "with --cluster: print the job's id and return")
	f.BoolVar(&o.json, "json", false, "print the report as JSON on standard output, and nothing else there; with --detach the job's id")
	f.BoolVar(&o.force, "force", false, "replace a finished model in the output folder")
}

func trainCommand() *cobra.Command {
	var o trainOptions
	c := &cobra.Command{
		Use:   "train JOB.yaml [key=value ...]",
		Short: "Train a model, in this process or on a cluster",
		Long: `Train runs the job of a job file and leaves model, report and events in its output
folder. Without --cluster the whole cluster is embedded in this process; the model
has the same bits either way. Any key of the job file can be overridden as
key.path=value.

Exit codes: 0 done; 1 the job failed; 2 usage, or a fault of job file or data that was
found before training; 3 cluster unreachable; 130 interrupted, after a last checkpoint:
parley resume goes on from there.`,
		Example: `  parley train experiments/a9a/job.yaml
  parley train job.yaml run.epochs=1 output=/tmp/out --servers 3 --trainers 2
  parley train job.yaml --cluster 127.0.0.1:7700 --json
  parley train job.yaml --cluster 127.0.0.1:7700 --detach`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("which job? give the path of a job file")
			}
			return nil
		},
		ValidArgsFunction: overrides,
	}
	f := c.Flags()
	f.StringVar(&o.cluster, "cluster", "", "submit to the cluster of the agent at this address instead of training in this process")
	values(c, "cluster", nodes)
	o.addFlags(c)
	addChaos(c, &o.chaos)
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if err := o.check(c); err != nil {
			return exit(exitUsage, err)
		}
		return train(c.Context(), o, args[0], args[1:])
	})
	return c
}

func (o trainOptions) check(c *cobra.Command) error {
	embedded := c.Flags().Changed("servers") || c.Flags().Changed("trainers")
	switch {
	case o.cluster != "" && embedded:
		return errors.New("--servers and --trainers are for the embedded cluster; a cluster of agents has its own")
	case o.cluster != "" && len(o.chaos) > 0:
		return errors.New("--chaos is for the embedded cluster; give it to parley agent")
	case o.cluster == "" && o.detach:
		return errors.New("--detach needs --cluster: without it the job ends with this process")
	case o.servers < 1 || o.trainers < 1:
		return errors.New("--servers and --trainers must be at least 1")
	case o.servers > 64 || o.trainers > 256:
		return errors.New("--servers may be 64 at most and --trainers 256: they share this process's cores")
	}
	return o.data.check()
}

func train(ctx context.Context, o trainOptions, path string, overrides []string) error {
	if o.cluster != "" {
		if err := checkCluster(o.cluster); err != nil {
			return err
		}
	}
	j, err := job.Load(path, overrides)
	if err != nil {
		return err
	}
	return launch(ctx, o, j, false)
}

// launch runs a job, from the start or from its last checkpoint.
func launch(ctx context.Context, o trainOptions, j *job.Job, resume bool) error {
	var to *results
	_, err := os.Stat(j.Output)
	fresh := errors.Is(err, fs.ErrNotExist)
	if !o.detach {
		if to, err = newResults(ctx, j.Output, o.force); err != nil {
			return err
		}
		defer to.close()
	}
	if !resume { // else the checkpoint has it, and the job the SHA-256
		if err := beginWith(ctx, j); err != nil {
			return err
		}
	}
	network, address, end, err := o.start(j)
	if err != nil {
		return err
	}
	defer end()
	cl, err := client.Connect(ctx, network, address)
	if err != nil {
		return err
	}
	defer cl.Close()
	id, err := cl.Submit(ctx, j, resume)
	if err != nil {
		return err
	}
	if o.detach && o.json {
		return printJSON(os.Stdout, struct {
			Job string `json:"job"`
		}{id})
	} else if o.detach {
		_, err := fmt.Println(id)
		return err
	}
	err = follow(ctx, cl, o, j, id, to, resume)
	if o.cluster == "" || err != nil && codeOf(err) == exitUsage { // the nodes do it too, in their time
		unprobe(j, id)
		removeEmpty(j, fresh)
	}
	return err
}

// start starts the embedded cluster for a job, or does nothing for a cluster of
// agents.
func (o trainOptions) start(j *job.Job) (rpc.Network, string, func(), error) {
	if o.cluster != "" {
		return rpc.TCP{}, o.cluster, func() {}, nil
	}
	var blocks datashard.Blocks
	if j.Data.Cache == "on" { // else its folder is not even opened
		blocks = o.data.blocks()
	}
	logger := slog.New(slog.DiscardHandler) // what happens is told as events
	e, err := node.NewEmbedded(o.servers, o.trainers, version, blocks, logger)
	if err != nil {
		return nil, "", nil, err
	}
	if err := slowDown(e, o.chaos); err != nil {
		e.Close()
		return nil, "", nil, exit(exitUsage, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "parley: embedded cluster:", err)
		}
	}()
	return e.Network, e.Address, func() { cancel(); <-done }, nil
}

// unprobe removes what told the servers of a job that they see its checkpoints.
func unprobe(j *job.Job, id string) {
	if j.Run.Checkpoint.Interval() == 0 {
		return
	}
	remote := node.NewRemote(slog.New(slog.DiscardHandler))
	defer remote.Close()
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	if store, err := remote.Checkpoints(j.Run.Checkpoint.To); err == nil {
		checkpoint.EndProbe(ctx, store, id) // a file too many does no harm
	}
}

// removeEmpty removes the folders of a job that has left nothing in them.
func removeEmpty(j *job.Job, fresh bool) {
	if to := j.Run.Checkpoint.To; to == job.DefaultCheckpoints(j.Output) {
		os.Remove(to) // fails where there is anything, or it is a URL
	}
	if fresh {
		os.Remove(j.Output)
	}
}

// probeWithin bounds what is not worth a long wait.
const probeWithin = 10 * time.Second

// stopWithin bounds the wait for a job that was asked to stop.
const stopWithin = 20 * time.Second

// follow watches a job to its end and writes what it leaves behind. When ctx
// ends, the job is stopped.
func follow(ctx context.Context, cl *client.Client, o trainOptions, j *job.Job, id string, to *results, resume bool) error {
	p := newProgress(os.Stderr)
	if p.embedded = o.cluster == ""; !p.embedded {
		p.line("job %s on the cluster of %s", id, o.cluster)
	}
	log := &eventLog{output: to.dir, job: j, resume: resume}
	defer log.close()
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	interrupted := context.AfterFunc(ctx, func() {
		p.line("stopping the job ...")
		if err := cl.Stop(watch, id, "interrupted"); err != nil {
			cancel()
		}
		time.AfterFunc(stopWithin, cancel)
	})
	defer interrupted()
	outcome, err := cl.Follow(watch, id, watcher{p, log})
	p.finish()
	switch {
	case ctx.Err() != nil && (err != nil || outcome.GetFault() != nil):
		return exit(exitInterrupted, interruption(id, j, outcome))
	case err != nil:
		return exit(exitFailed, err)
	case outcome.GetFault() != nil:
		return failure(id, outcome)
	}
	return finish(cl, o, j, id, outcome, log, to)
}

// interruption says how to go on with a job that was stopped.
func interruption(id string, j *job.Job, outcome *parleyv1.Outcome) error {
	if !outcome.GetHasCheckpoint() {
		return fmt.Errorf("interrupted: job %s was stopped before it had a checkpoint: start it again", id)
	}
	return fmt.Errorf("interrupted: job %s was stopped; its last checkpoint is of round %d: go on with parley resume %s", id, outcome.GetCheckpoint(), j.Output)
}

func failure(id string, outcome *parleyv1.Outcome) error {
	err := errors.New(outcome.GetFault().GetMessage())
	switch {
	case outcome.GetEarly():
		return exit(exitUsage, err)
	case outcome.GetStopped():
		return exit(exitFailed, fmt.Errorf("job %s: %w", id, err))
	}
	return exit(exitFailed, fmt.Errorf("job %s failed: %w", id, err))
}

// finish puts model and report into the output folder.
func finish(cl *client.Client, o trainOptions, j *job.Job, id string, outcome *parleyv1.Outcome, log *eventLog, to *results) error {
	var report artifact.Report
	if err := json.Unmarshal(outcome.GetReport(), &report); err != nil {
		return exit(exitFailed, fmt.Errorf("report of job %s: %w", id, err))
	}
	if log.err != nil {
		return exit(exitFailed, fmt.Errorf("events: %w", log.err))
	}
	if err := save(cl, to, id, outcome.GetModel(), &report, o.force); err != nil {
		return exit(exitFailed, err)
	}
	if o.json {
		text, err := json.MarshalIndent(&report, "", "  ")
		if err != nil {
			return exit(exitFailed, err)
		}
		fmt.Println(string(text))
		return nil
	}
	return printResult(os.Stdout, j, &report)
}

// fetchWithin bounds the copy of a model.
const fetchWithin = 10 * time.Minute

// save copies the model and writes the report.
func save(cl *client.Client, to *results, id, from string, report *artifact.Report, force bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), fetchWithin)
	defer cancel()
	model, err := cl.Fetch(ctx, id, from, to.dir, force)
	if err != nil {
		return fmt.Errorf("job %s is done, but its model could not be copied to %s: %w: try parley job fetch", id, to.dir, err)
	}
	if model.SHA256() != report.ModelSHA256 {
		return fmt.Errorf("the model that came has the SHA-256 %s, and the job's has %s", model.SHA256(), report.ModelSHA256)
	}
	if err := artifact.WriteReport(to.dir, report); err != nil {
		return err
	}
	return to.publish(ctx)
}

// eventLog writes events.jsonl from the first assignment on: a job that fails
// before has left nothing behind.
type eventLog struct {
	output string
	job    *job.Job // is written beside, for parley resume
	resume bool     // events of before stay
	early  []artifact.Event
	log    *artifact.EventLog
	err    error
}

func (l *eventLog) append(e artifact.Event) {
	if l.err != nil {
		return
	}
	if l.log == nil && e.Kind != artifact.EventAssignment {
		l.early = append(l.early, e)
		return
	}
	if l.log == nil {
		if l.log, l.err = artifact.CreateEvents(l.output, l.resume); l.err != nil {
			return
		}
		if l.err = artifact.WriteJob(l.output, l.job.Canonical()); l.err != nil {
			return
		}
		for _, e := range l.early { // rows that were set aside among them
			if l.err = l.log.Append(e); l.err != nil {
				return
			}
		}
	}
	l.err = l.log.Append(e)
}

func (l *eventLog) close() {
	if l.log != nil {
		l.log.Close()
	}
}

// watcher tells progress and log.
type watcher struct {
	progress *progress
	log      *eventLog
}

func (w watcher) Event(e artifact.Event) {
	w.log.append(e)
	w.progress.event(e)
}

func (w watcher) Status(s *parleyv1.JobStatus) { w.progress.status(s) }
