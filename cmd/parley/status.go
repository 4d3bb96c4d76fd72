package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

func statusCommand() *cobra.Command {
	var cluster string
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show members, roles, jobs, and who waits for whom",
		Long: `Status shows the nodes, with the workers (JOB/NUMBER) and parameter ranges that each has
of running jobs, and when the coordinator heard of it last; then the jobs that the cluster
remembers. ROUND counts those that all parameters have. RESTARTS counts losses of nodes or
workers after which work was placed anew or the job went back to a checkpoint. WHY says who is
waited for and since when, or why a job is over; parley job why ID tells what led to it.`,
		Example: `  parley status --cluster 127.0.0.1:7700
  parley status --json`,
		Args: takes(),
	}
	clusterFlag(c, &cluster)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = do(func(c *cobra.Command, _ []string) error {
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error {
			s, err := cl.Status(ctx, "")
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, s)
			}
			return printStatus(os.Stdout, s)
		})
	})
	return c
}

func clusterFlag(c *cobra.Command, cluster *string) {
	c.Flags().StringVar(cluster, "cluster", defaultCluster, "address of any agent of the cluster")
}

func checkCluster(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return exit(exitUsage, fmt.Errorf("--cluster %q is not host:port: give the bind address of an agent, such as %s", address, defaultCluster))
	}
	return nil
}

// withCluster connects to a cluster for the time of a call.
func withCluster(ctx context.Context, address string, call func(context.Context, *client.Client) error) error {
	if err := checkCluster(address); err != nil {
		return err
	}
	cl, err := client.Connect(ctx, rpc.TCP{}, address)
	if err != nil {
		return err
	}
	defer cl.Close()
	return call(ctx, cl)
}

func printJSON(out io.Writer, m *parleyv1.StatusReply) error {
	text, err := protojson.MarshalOptions{Multiline: true, UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintln(out, string(text))
	}
	return err
}

func printStatus(out io.Writer, s *parleyv1.StatusReply) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tBIND\tROLES\tHEARD\tWORKERS\tRANGES")
	for _, m := range s.GetMembers() {
		roles := strings.Join(m.GetRoles(), ",")
		if m.GetNode() == s.GetCoordinator() {
			roles += " (leads)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f s ago\t%s\t%s\n", m.GetNode(), m.GetBind(), roles, m.GetSilent(), list(m.GetWorkers()), list(m.GetRanges()))
	}
	fmt.Fprintln(w)
	if len(s.GetJobs()) > 0 {
		fmt.Fprintln(w, "JOB\tPHASE\tEPOCH\tROUND\tRESTARTS\tWHY")
	} else {
		fmt.Fprintln(w, "no jobs")
	}
	for _, j := range s.GetJobs() {
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%d/%d\t%d\t%s\n", j.GetJob(), j.GetPhase(), j.GetEpoch(), j.GetEpochs(), j.GetRound(), j.GetRounds(), j.GetRestarts(), waits(j))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, j := range s.GetJobs() {
		warn(j)
	}
	return nil
}

// warn prints what the user should know of a job that runs.
func warn(j *parleyv1.JobStatus) {
	if j.GetWarning() != "" && j.GetCause() == "" && j.GetPhase() != "done" {
		fmt.Printf("\njob %s has %s\n", j.GetJob(), j.GetWarning())
	}
}

func list(items []string) string {
	if len(items) == 0 {
		return "-"
	}
	return strings.Join(items, " ")
}

// waits says who a job waits for, or why it has ended.
func waits(j *parleyv1.JobStatus) string {
	switch {
	case j.GetCause() != "":
		return j.GetCause()
	case j.GetOwner() == "":
		return "-"
	}
	return fmt.Sprintf("%s: %s, for %.1f s", j.GetOwner(), j.GetWhy(), j.GetSince())
}

func jobCommand() *cobra.Command {
	return group("job", "Look at a job, scale it, stop it, fetch its model", `  parley job why a9a-3f07c2 --cluster 127.0.0.1:7700
  parley job schema`,
		&cobra.Command{Use: "schema", Short: "Print the JSON Schema of the job file", Example: "  parley job schema > job.schema.json", Args: takes(), RunE: do(func(*cobra.Command, []string) error {
			_, err := os.Stdout.Write(job.Schema())
			return err
		})},
		jobCall("show ID", "Show how a job stands and what happened last", statusOf(showJob)),
		jobCall("why ID", "Say who a job waits for and since when, or why it ended", statusOf(whyJob)),
		jobCall("profile ID", "Say where the time of a job's workers goes, and who they wait for", profileJob),
		jobCall("stop ID", "Stop a job, with a last checkpoint that parley resume goes on from", stopJob),
		scaleCommand(),
		fetchCommand(),
	)
}

// jobCall is a command about one job of a cluster.
func jobCall(use, short string, call func(ctx context.Context, cl *client.Client, id string, asJSON bool) error) *cobra.Command {
	var cluster string
	var asJSON bool
	c := &cobra.Command{Use: use, Short: short, Args: takes("the ID of a job, which parley status lists")}
	c.Example = "  parley job " + strings.Replace(use, "ID", "a9a-3f07c2", 1) + " --cluster 127.0.0.1:7700"
	clusterFlag(c, &cluster)
	if !strings.HasPrefix(use, "stop") {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
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
			return printJSON(os.Stdout, s)
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
	c := &cobra.Command{Use: "fetch ID DIR", Short: "Copy model and report of a job that is done into a folder", Args: takes("the ID of a job", "DIR"),
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
