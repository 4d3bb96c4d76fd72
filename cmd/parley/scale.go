package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parley/internal/client"
)

// scaleMost is the most nodes that can be asked for.
const scaleMost = 1 << 16

func scaleCommand() *cobra.Command {
	var cluster string
	var servers, trainers int
	c := &cobra.Command{Use: "scale ID", Short: "Bound how many servers and trainers of the cluster a job uses", Args: takes("the ID of a job, which parley status lists"), ValidArgsFunction: arguments(jobs(isRunning)),
		Long: `Scale has a job go on with at most so many servers and trainers, without a stop or a rewind, and
with the same bits in the end. Ranges and workers of the others move to those that hold the most
already. A job begins with all nodes of the cluster, or as many as run.max_servers and
run.max_trainers say, and uses those that come; with more than there are it uses all.
What is not given, or 0, stays as it is.

Exit codes: 0 done; 2 usage, there is no such job, or it is over; 3 cluster unreachable.`,
		Example: `  parley job scale a9a-3f07c2 --servers 1 --trainers 4 --cluster 127.0.0.1:7700
  parley job scale a9a-3f07c2 --trainers 1000 --cluster 127.0.0.1:7700`}
	clusterFlag(c, &cluster)
	c.Flags().IntVar(&servers, "servers", 0, "parameter servers that the job uses at most")
	c.Flags().IntVar(&trainers, "trainers", 0, "trainers that the job uses at most")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		switch {
		case servers < 0 || trainers < 0 || servers > scaleMost || trainers > scaleMost:
			return exit(exitUsage, fmt.Errorf("--servers and --trainers must be 0 to %d", scaleMost))
		case servers == 0 && trainers == 0:
			return exit(exitUsage, errors.New("how many? give --servers, --trainers or both"))
		}
		return withCluster(c.Context(), cluster, func(ctx context.Context, cl *client.Client) error {
			return scaleJob(ctx, cl, args[0], servers, trainers)
		})
	})
	return c
}

func scaleJob(ctx context.Context, cl *client.Client, id string, servers, trainers int) error {
	if err := cl.Scale(ctx, id, servers, trainers); err != nil {
		return err
	}
	text := ""
	for _, x := range []struct {
		n    int
		noun string
	}{{servers, "server"}, {trainers, "trainer"}} {
		switch {
		case x.n == 0:
		case x.n == 1:
			text += ", 1 " + x.noun
		default:
			text += fmt.Sprintf(", %d %ss", x.n, x.noun)
		}
	}
	fmt.Printf("job %s uses at most%s\n", id, text[1:])
	return nil
}
