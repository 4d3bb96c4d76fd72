package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func devCommand() *cobra.Command {
	var nodes int
	var bind string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a local cluster of agent processes until Ctrl-C",
		Long: `Dev starts agent processes that form a cluster, prints how to use it, and ends them at Ctrl-C.
It is for trying things out: what the agents keep is removed with them. The first one serves pages
for a browser, at a port that the system picks.

Exit codes: 0 ended by Ctrl-C; 1 all agents have ended by themselves; 2 usage, or an agent did
not start.`,
		Example: `  parley dev --nodes 3
  parley dev --nodes 5 --bind 127.0.0.1:0`,
		Args:              takes(),
		ValidArgsFunction: arguments(),
	}
	c.Flags().IntVar(&nodes, "nodes", 3, "agent processes")
	c.Flags().StringVar(&bind, "bind", defaultCluster, "address of the first one; the others pick theirs")
	c.RunE = do(func(c *cobra.Command, _ []string) error {
		if nodes < 1 || nodes > 64 {
			return exit(exitUsage, errors.New("--nodes must be between 1 and 64"))
		}
		return dev(c.Context(), nodes, bind)
	})
	return c
}

// devStop is how long an agent has to end after SIGTERM.
const devStop = 5 * time.Second

// dev starts the agents one after the other, the first as everybody's seed.
func dev(ctx context.Context, nodes int, bind string) error {
	dir, err := os.MkdirTemp("", "parley-dev-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var agents []*devAgent
	defer func() {
		for _, a := range agents {
			a.process.Process.Signal(syscall.SIGTERM)
		}
		late := time.After(devStop) // fires once; from then on it kills
		for _, a := range agents {
			select {
			case <-a.ended:
				continue
			case <-late:
			}
			for _, b := range agents {
				b.process.Process.Kill() // one that has ended does not mind
			}
			<-a.ended
		}
	}()
	ended := make(chan *devAgent, nodes)
	for i := range nodes {
		args := []string{"agent", "--bind", "127.0.0.1:0", "--join", bind, "--data-dir", filepath.Join(dir, fmt.Sprint(i))}
		if i == 0 {
			args = []string{"agent", "--bind", bind, "--http", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "0")}
		}
		a, err := startAgent(args, ended)
		if err != nil {
			return err
		}
		agents = append(agents, a)
		if i == 0 {
			bind = a.bind
		}
		fmt.Printf("node %s  pid %d\n", a.bind, a.process.Process.Pid)
	}
	fmt.Printf("\n%d nodes; Ctrl-C ends them. In another terminal:\n  parley train JOB.yaml --cluster %s\n  parley status --cluster %s\nIn a browser:\n  http://%s/\n", nodes, bind, bind, agents[0].http)
	left := nodes
	for left > 0 {
		select {
		case <-ctx.Done():
			return nil
		case a := <-ended:
			left--
			fmt.Printf("node %s ended: %v\n", a.bind, a.err)
		}
	}
	return exit(exitFailed, errors.New("all nodes have ended"))
}

// devAgent is an agent process.
type devAgent struct {
	process *exec.Cmd
	bind    string
	http    string // empty for none
	err     error
	ended   chan struct{}
}

// startAgent starts an agent and waits until it is ready.
func startAgent(args []string, ended chan<- *devAgent) (*devAgent, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := &devAgent{process: exec.Command(self, args...), ended: make(chan struct{})}
	a.process.Stderr = os.Stderr
	a.process.WaitDelay = devStop
	// Ctrl-C reaches the whole terminal group; the agents are ended by us.
	a.process.SysProcAttr = ownGroup()
	out, err := a.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := a.process.Start(); err != nil {
		return nil, err
	}
	line, rerr := bufio.NewReader(out).ReadBytes('\n')
	var ready struct{ Bind, HTTP string }
	if rerr == nil {
		rerr = json.Unmarshal(line, &ready)
	}
	if rerr != nil {
		io.Copy(io.Discard, out)
		werr := a.process.Wait()
		return nil, exit(exitUsage, fmt.Errorf("an agent did not start (%v): see what it said above", werr))
	}
	a.bind, a.http = ready.Bind, ready.HTTP
	go func() {
		a.err = a.process.Wait()
		close(a.ended)
		ended <- a
	}()
	return a, nil
}
