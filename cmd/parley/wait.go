package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"parley/internal/client"
	parleyv1 "parley/proto/parley/v1"
)

func waitCommand() *cobra.Command {
	var cluster string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs of a cluster are over",
		Long: `Wait returns when all of the jobs are over, and says how each has ended. When it is
interrupted, the jobs go on.

Exit codes: 0 all are done; 1 one has failed or was stopped, or is not over after --timeout;
2 usage, or there is no such job; 3 cluster unreachable; 130 interrupted.`,
		Example: "  parley wait a9a-3f07c2 --cluster 127.0.0.1:7700 --timeout 1h",
		Args:    takesSome("the IDs of jobs, which parley status lists"),
	}
	clusterFlag(c, &cluster)
	c.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait at most, such as 90s or 1h (default: as long as it takes)")
	c.RunE = do(func(c *cobra.Command, ids []string) error {
		if timeout < 0 {
			return exit(exitUsage, fmt.Errorf("--timeout %v is negative", timeout))
		}
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error {
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			return waitAll(ctx, cl, ids, timeout)
		})
	})
	return c
}

// endPoll is the time between two looks at a job that is to end.
const endPoll = 100 * time.Millisecond

func waitAll(ctx context.Context, cl *client.Client, ids []string, timeout time.Duration) error {
	bad := 0
	for _, id := range ids {
		j, err := untilOver(ctx, cl, id)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
			return exit(exitFailed, fmt.Errorf("job %s is not over after %v: %s", id, timeout, waits(j)))
		case err != nil:
			return err
		}
		fmt.Printf("job %s is %s\n", id, endOf(j))
		if j.GetPhase() != "done" {
			bad++
		}
	}
	if bad > 0 {
		return exit(exitFailed, fmt.Errorf("%d of %d jobs are not done", bad, len(ids)))
	}
	return nil
}

// untilOver returns a job's status when it is over, or the last one that there was.
func untilOver(ctx context.Context, cl *client.Client, id string) (j *parleyv1.JobStatus, err error) {
	for {
		s, err := cl.Status(ctx, id)
		if ctx.Err() != nil {
			return j, ctx.Err()
		}
		if err != nil {
			return j, err
		}
		if j = s.GetJobs()[0]; isEnd(j.GetPhase()) {
			return j, nil
		}
		select {
		case <-time.After(endPoll):
		case <-ctx.Done():
			return j, ctx.Err()
		}
	}
}

// endOf says how a job has ended.
func endOf(j *parleyv1.JobStatus) string {
	if cause := j.GetCause(); cause != "" && j.GetPhase() != "done" {
		return j.GetPhase() + ": " + cause
	}
	return j.GetPhase()
}
