package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/internal/client"
	"parley/internal/node"
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
waited for and since when, or why a job is over; parley job why ID tells what led to it.

Exit codes: 0 done; 2 usage; 3 cluster unreachable.`,
		Example: `  parley status --cluster 127.0.0.1:7700
  parley status --json`,
		Args:              takes(),
		ValidArgsFunction: arguments(),
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
				return printJSON(os.Stdout, node.StatusOf(s))
			}
			return printStatus(os.Stdout, s)
		})
	})
	return c
}

func clusterFlag(c *cobra.Command, cluster *string) {
	c.Flags().StringVar(cluster, "cluster", defaultCluster, "address of any agent of the cluster")
	values(c, "cluster", nodes)
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
