package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"parley/internal/client"
	parleyv1 "parley/proto/parley/v1"
)

func waitCommand() *cobra.Command {
	var cluster string
	var timeout time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs of a cluster are over",
		Long: `Wait returns when all of the jobs are over, and says how each has ended. When it is
interrupted, the jobs go on.

Exit codes: 0 all are done; 1 one has failed or was stopped, or is not over after --timeout;
2 usage, or there is no such job; 3 cluster unreachable; 130 interrupted.`,
		Example: `  parley wait a9a-3f07c2 --cluster 127.0.0.1:7700 --timeout 1h
  parley wait a9a-3f07c2 b7-0c11d9 --json`,
		Args:              takesSome("the IDs of jobs, which parley status lists"),
		ValidArgsFunction: jobs(anyPhase),
	}
	clusterFlag(c, &cluster)
	c.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait at most, such as 90s or 1h (default: as long as it takes)")
	c.Flags().BoolVar(&asJSON, "json", false, "print an array with an object a job that is over")
	c.RunE = do(func(c *cobra.Command, ids []string) error {
		if timeout < 0 {
			return exit(exitUsage, fmt.Errorf("--timeout %v is negative: give a time such as 90s, or leave it out", timeout))
		}
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error {
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			if !asJSON {
				return waitAll(ctx, cl, ids, timeout, func(e jobEnd) { fmt.Println(e) })
			}
			all := []jobEnd{}
			err := waitAll(ctx, cl, ids, timeout, func(e jobEnd) { all = append(all, e) })
			if codeOf(err) != exitDone && codeOf(err) != exitFailed { // there is no such job
				return err
			}
			return errors.Join(err, printJSON(os.Stdout, all))
		})
	})
	return c
}

// endPoll is the time between two looks at a job that is to end.
const endPoll = 100 * time.Millisecond

// waitAll waits for each of the jobs and tells how it ended.
func waitAll(ctx context.Context, cl *client.Client, ids []string, timeout time.Duration, tell func(jobEnd)) error {
	bad := 0
	for _, id := range ids {
		j, err := untilOver(ctx, cl, id)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
			return exit(exitFailed, fmt.Errorf("job %s is not over after %v: %s", id, timeout, waits(j)))
		case err != nil:
			return err
		}
		end := jobEnd{Job: id, Phase: j.GetPhase()}
		if end.Phase != "done" {
			end.Cause = j.GetCause()
			bad++
		}
		tell(end)
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

// jobEnd is how a job has ended.
type jobEnd struct {
	Job   string `json:"job"`
	Phase string `json:"phase"`           // done, failed or stopped
	Cause string `json:"cause,omitempty"` // of a job that is not done
}

func (e jobEnd) String() string {
	if e.Cause == "" {
		return fmt.Sprintf("job %s is %s", e.Job, e.Phase)
	}
	return fmt.Sprintf("job %s is %s: %s", e.Job, e.Phase, e.Cause)
}
