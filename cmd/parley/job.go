package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/node"
	parleyv1 "parley/proto/parley/v1"
)

func jobCommand() *cobra.Command {
	return group("job", "Look at a job, scale it, stop it, fetch its model", `  parley job why a9a-3f07c2 --cluster 127.0.0.1:7700
  parley job schema`,
		schemaCommand(),
		jobCall("show ID", "Show how a job stands and what happened last", `Show prints phase, epoch, round, loss and time of a job, who it waits for, and its last events.

Exit codes: 0 done; 2 usage, or there is no such job; 3 cluster unreachable.`, statusOf(showJob)),
		jobCall("why ID", "Say who a job waits for and since when, or why it ended", `Why says what a job waits for and how long already, or why it is over, and prints the events that led to it.

Exit codes: 0 done; 2 usage, or there is no such job; 3 cluster unreachable.`, statusOf(whyJob)),
		jobCall("profile ID", "Say where the time of a job's workers goes, and who they wait for", `Profile prints the mean times of a round of each worker, and which one the others wait for most. It works while a job runs and after it.

Exit codes: 0 done; 2 usage, or there is no such job; 3 cluster unreachable.`, profileJob),
		jobCall("stop ID", "Stop a job, with a last checkpoint that parley resume goes on from", `Stop ends a job in good order, and returns when it is over. A job that is over already stays as it is.

Exit codes: 0 the job is over; 1 it has not ended within 20 s; 2 usage, or there is no such job; 3 cluster unreachable.`, stopJob),
		scaleCommand(),
		fetchCommand(),
	)
}

func schemaCommand() *cobra.Command {
	c := &cobra.Command{Use: "schema", Short: "Print the JSON Schema of the job file", Args: takes(),
		Long: `Schema prints the JSON Schema of the job file, with which editors complete and check it. docs/job.md tells the same in words.

Exit codes: 0 done; 2 usage.`,
		Example: "  parley job schema > job.schema.json", ValidArgsFunction: arguments()}
	c.RunE = do(func(*cobra.Command, []string) error {
		_, err := os.Stdout.Write(job.Schema())
		return err
	})
	return c
}

// jobCall is a command about one job of a cluster.
func jobCall(use, short, long string, call func(ctx context.Context, cl *client.Client, id string, asJSON bool) error) *cobra.Command {
	var cluster string
	var asJSON bool
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: takes("the ID of a job, which parley status lists"), ValidArgsFunction: arguments(jobs(anyPhase))}
	example := "  parley job " + strings.Replace(use, "ID", "a9a-3f07c2", 1)
	c.Example = example + " --cluster 127.0.0.1:7700"
	clusterFlag(c, &cluster)
	if strings.HasPrefix(use, "stop") {
		c.ValidArgsFunction = arguments(jobs(isRunning))
	} else {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
		c.Example += "\n" + example + " --json"
	}
	c.RunE = do(func(c *cobra.Command, args []string) error {
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error { return call(ctx, cl, args[0], asJSON) })
	})
	return c
}

// statusOf asks for one job and prints the answer: whole as JSON, or as text.
func statusOf(text func(j *parleyv1.JobStatus)) func(context.Context, *client.Client, string, bool) error {
	return func(ctx context.Context, cl *client.Client, id string, asJSON bool) error {
		s, err := cl.Status(ctx, id)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(os.Stdout, node.StatusOf(s))
		}
		text(s.GetJobs()[0])
		return nil
	}
}

func showJob(j *parleyv1.JobStatus) {
	fmt.Printf("job       %s\nphase     %s\nepoch     %d of %d\nround     %d of %d\nrows      %d\nloss      %.5f (progressive, this epoch)\nrestarts  %d\nrunning   %.1f s\nwhy       %s\n\n",
		j.GetJob(), j.GetPhase(), j.GetEpoch(), j.GetEpochs(), j.GetRound(), j.GetRounds(), j.GetRows(), j.GetLoss(), j.GetRestarts(), j.GetSeconds(), waits(j))
	warn(j)
	printEvents(j, func(artifact.Event) bool { return true })
}

// whyJob tells the wait and the failures that led to it.
func whyJob(j *parleyv1.JobStatus) {
	switch {
	case j.GetCause() != "":
		fmt.Printf("job %s is over: %s\n", j.GetJob(), j.GetCause())
	case j.GetOwner() == "":
		fmt.Printf("job %s is %s: it waits for nobody\n", j.GetJob(), j.GetPhase())
	default:
		fmt.Printf("job %s is %s and waits for %s\n", j.GetJob(), j.GetPhase(), waits(j))
	}
	fmt.Printf("restarts: %d\n\n", j.GetRestarts())
	warn(j)
	printEvents(j, func(e artifact.Event) bool { return e.Kind != artifact.EventEpoch })
}

func printEvents(j *parleyv1.JobStatus, wanted func(artifact.Event) bool) {
	for _, line := range j.GetEvents() {
		var e artifact.Event
		if json.Unmarshal(line, &e) == nil && wanted(e) {
			fmt.Printf("%s  %-10s  %s\n", e.Time.Local().Format("15:04:05.000"), e.Kind, e.Message)
		}
	}
}

// stopJob waits for the end: a job writes a last checkpoint first.
func stopJob(ctx context.Context, cl *client.Client, id string, _ bool) error {
	s, err := cl.Status(ctx, id)
	if err != nil {
		return err
	}
	if phase := s.GetJobs()[0].GetPhase(); isEnd(phase) {
		fmt.Printf("job %s was over before: it is %s\n", id, phase)
		return nil
	}
	if err := cl.Stop(ctx, id, "on request"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	j, err := untilOver(ctx, cl, id)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return exit(exitFailed, fmt.Errorf("job %s has not ended within %v: parley job stop ends it at once when asked again", id, stopWithin))
	case err != nil:
		return err
	}
	fmt.Printf("job %s is %s\n", id, j.GetPhase())
	return nil
}

// isEnd reports whether a job in this phase is over.
func isEnd(phase string) bool {
	return phase == string(coordinator.Done) || phase == string(coordinator.Failed) || phase == string(coordinator.Stopped)
}

func fetchCommand() *cobra.Command {
	var cluster string
	var force bool
	c := &cobra.Command{Use: "fetch ID DIR", Short: "Copy model and report of a job that is done into a folder", Args: takes("the ID of a job", "DIR"), ValidArgsFunction: arguments(jobs(isDone), folders),
		Long: `Fetch copies the model that the cluster keeps of a job, with report.json and events.jsonl, as parley train would have
left them there. The cluster remembers its last 50 jobs.

Exit codes: 0 done; 1 the job is not done, or its model could not be copied; 2 usage, there is no such job, or DIR holds a model
already; 3 cluster unreachable.`,
		Example: "  parley job fetch a9a-3f07c2 runs/a9a --cluster 127.0.0.1:7700"}
	clusterFlag(c, &cluster)
	c.Flags().BoolVar(&force, "force", false, "replace a finished model in the folder")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error { return fetch(ctx, cl, args[0], args[1], force) })
	})
	return c
}

func fetch(ctx context.Context, cl *client.Client, id, dir string, force bool) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return exit(exitUsage, err)
	}
	if err := artifact.CheckOutput(dir, force); err != nil {
		return err
	}
	s, err := cl.Status(ctx, id)
	if err != nil {
		return err
	}
	if phase := s.GetJobs()[0].GetPhase(); phase != "done" {
		return exit(exitFailed, fmt.Errorf("job %s is %s: only a job that is done has a model", id, phase))
	}
	log := &eventLog{output: dir}
	defer log.close()
	outcome, err := cl.Follow(ctx, id, watcher{&progress{out: io.Discard}, log})
	if err != nil {
		return exit(exitFailed, err)
	}
	var report artifact.Report
	if err := json.Unmarshal(outcome.GetReport(), &report); err != nil {
		return exit(exitFailed, err)
	}
	if err := save(cl, &results{dir: dir}, id, outcome.GetModel(), &report, force); err != nil {
		return exit(exitFailed, err)
	}
	fmt.Printf("model   %s  (SHA-256 %s)\nreport  %s\n", filepath.Join(shortPath(dir), artifact.ModelDir), report.ModelSHA256, filepath.Join(shortPath(dir), artifact.ReportFile))
	return nil
}
