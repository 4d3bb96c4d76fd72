package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/checkpoint"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/node"
	"parley/internal/rpc"
)

func resumeCommand() *cobra.Command {
	var o trainOptions
	c := &cobra.Command{
		Use:   "resume OUTPUT|ID",
		Short: "Go on with a job from its last complete checkpoint",
		Long: `Resume goes on with a job that was interrupted or lost, from the last complete
checkpoint, on any number of servers and trainers. In bsp, the default, the model has
the same bits as that of a run that was never interrupted.

OUTPUT is the job's output, a folder or an s3:// URL: the settings are read from there,
or from the checkpoint in its folder checkpoints. ID names a job that the cluster
remembers. The data must be what it was, and where it was. The run goes on in this
process, or on the cluster of --cluster, whose servers must all see the checkpoints.

Exit codes: 0 done; 1 the job failed; 2 usage, or there is no checkpoint to go on from;
3 cluster unreachable; 130 interrupted, after another checkpoint.`,
		Example: `  parley resume runs/a9a
  parley resume runs/a9a --servers 3 --trainers 2
  parley resume runs/a9a --cluster 127.0.0.1:7700
  parley resume a9a-1f2e3d --cluster 127.0.0.1:7700
  parley resume s3://bucket/runs/a9a`,
		Args:              takes("the output of a job or its id"),
		ValidArgsFunction: arguments(outputs),
	}
	f := c.Flags()
	f.StringVar(&o.cluster, "cluster", "", "resume on the cluster of the agent at this address instead of in this process")
	values(c, "cluster", nodes)
	o.addFlags(c)
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if err := o.check(c); err != nil {
			return exit(exitUsage, err)
		}
		j, err := resumed(c.Context(), o.cluster, args[0])
		if err != nil {
			return err
		}
		return launch(c.Context(), o, j, true)
	})
	return c
}

// resumed returns the job of an output, or of an id on a cluster.
func resumed(ctx context.Context, cluster, name string) (*job.Job, error) {
	if strings.Contains(name, "://") {
		return jobOf(ctx, strings.TrimRight(name, "/"))
	}
	_, err := os.Stat(name)
	switch {
	case err == nil:
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		return jobOf(ctx, path)
	case cluster == "":
		return nil, exit(exitUsage, fmt.Errorf("%s: no such folder: give the output of a job, or its id together with --cluster", name))
	}
	return jobOfID(ctx, cluster, name)
}

// jobOf returns the job of an output: of its job.json, or else of its newest
// checkpoint. The output may have been copied to another place since.
func jobOf(ctx context.Context, output string) (*job.Job, error) {
	var text []byte
	err := error(fs.ErrNotExist)
	if !strings.Contains(output, "://") {
		text, err = artifact.ReadJob(output)
	}
	if errors.Is(err, fs.ErrNotExist) {
		text, err = specOf(ctx, job.DefaultCheckpoints(output))
	}
	if err != nil {
		return nil, exit(exitUsage, err)
	}
	j, err := job.Decode(text)
	if err != nil {
		return nil, exit(exitUsage, fmt.Errorf("%s: %w", output, err))
	}
	if j.Run.Checkpoint.To == job.DefaultCheckpoints(j.Output) {
		j.Run.Checkpoint.To = job.DefaultCheckpoints(output)
	}
	j.Output = output
	return j, nil
}

// specOf returns the job of the newest checkpoint.
func specOf(ctx context.Context, to string) ([]byte, error) {
	remote := node.NewRemote(newLogger(0))
	defer remote.Close()
	store, err := remote.Checkpoints(to)
	if err != nil {
		return nil, err
	}
	found, damaged, err := checkpoint.Complete(ctx, store)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.Join(append(damaged, fmt.Errorf("%s: there is no checkpoint to resume from; parley train starts anew", to))...)
	}
	return found[len(found)-1].Manifest.Spec, nil
}

// jobOfID asks a cluster for a job.
func jobOfID(ctx context.Context, cluster, id string) (*job.Job, error) {
	if err := checkCluster(cluster); err != nil {
		return nil, err
	}
	cl, err := client.Connect(ctx, rpc.TCP{}, cluster)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	s, err := cl.Status(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("%s: no such folder here, and no such job there: %w", id, err)
	}
	return job.Decode(s.GetJobs()[0].GetSpec())
}
