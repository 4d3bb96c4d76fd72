// Command parley trains machine-learning models on one process or on a cluster:
// the only binary of the project. Each subcommand has a file of its own; flags,
// signals and exit codes are handled here and nowhere else.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"parley/internal/client"
	"parley/internal/linalg"
	"parley/internal/node"
	"parley/internal/param"
	"parley/internal/rpc"
)

// version is Parley's, in reports, models and agents' greetings.
const version = "0.1.0"

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1   // the job failed
	exitUsage       = 2   // usage, job file or data: found before training
	exitUnreachable = 3   // nobody answers as a cluster
	exitInterrupted = 130 // stopped by a signal
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// codeOf maps an error to an exit code.
func codeOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case param.KindOf(err) == param.Invalid, errors.Is(err, rpc.ErrInUse), errors.Is(err, node.ErrOtherCluster), errors.Is(err, node.ErrGossipInUse):
		return exitUsage
	}
	return exitFailed
}

func main() {
	tuneCollector()
	ctx := untilSignal()
	err := run(ctx, os.Args[1:])
	if e := (*exitError)(nil); err != nil && ctx.Err() != nil && !errors.As(err, &e) {
		err = exit(exitInterrupted, errors.New("interrupted")) // whatever else the signal has broken
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "parley: %v\n", err)
	}
	os.Exit(codeOf(err))
}

// untilSignal ends with the first signal, which asks a command to end in good
// order. The handler is gone before anybody hears of it, so that a second signal
// ends the process.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
}

func run(ctx context.Context, args []string) error {
	root := &cobra.Command{
		Use:   "parley",
		Short: "Train models on more data than one process should hold, with the same bits on any number of nodes",
		Example: `  parley train experiments/a9a/job.yaml
  parley train experiments/a9a/job.yaml run.epochs=1 --servers 3 --trainers 2
  parley dev --nodes 3
  parley train experiments/a9a/job.yaml --cluster 127.0.0.1:7700`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownCommand(c, args[0])
		},
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := linalg.CheckKernels(); err != nil {
				return exit(exitUsage, err)
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit(exitUsage, fmt.Errorf("%w (see %s --help)", err, c.CommandPath()))
	})
	root.AddCommand(trainCommand(), resumeCommand(), agentCommand(), healthCommand(), statusCommand(), waitCommand(), runsCommand(), predictCommand(), transformCommand(), topicsCommand(), similarCommand(), modelCommand(), benchCommand(), jobCommand(), dataCommand(), devCommand())
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	var e *exitError
	if err != nil && !errors.As(err, &e) && !ranCommand(c) {
		err = exit(exitUsage, fmt.Errorf("%w (see %s --help)", err, c.CommandPath()))
	}
	return err
}

// group is a command that only holds others.
func group(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return exit(exitUsage, fmt.Errorf("which command of %s? see %s --help", c.CommandPath(), c.CommandPath()))
		}
		return unknownCommand(c, args[0])
	}
	c.AddCommand(commands...)
	return c
}

func unknownCommand(c *cobra.Command, name string) error {
	hint := ""
	c.SuggestionsMinimumDistance = 2
	for _, near := range c.SuggestionsFor(name) {
		if strings.HasPrefix(name, near[:1]) {
			hint = "did you mean " + near + "? "
		}
	}
	return exit(exitUsage, fmt.Errorf("unknown command %q: %ssee %s --help", name, hint, c.CommandPath()))
}

// takes checks the number of arguments, and names them when it is wrong.
func takes(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return fmt.Errorf("what is %q? there are no arguments to give", args[0])
		}
		return fmt.Errorf("give %s (%d given)", strings.Join(names, " and "), len(args))
	}
}

// takesSome wants one argument or more, and says what they are.
func takesSome(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return exit(exitUsage, errors.New("give "+what))
		}
		return nil
	}
}

// ran notes that cobra found arguments and flags in order, so that an error is
// the command's own.
const ran = "ran"

func ranCommand(c *cobra.Command) bool { return c.Annotations[ran] != "" }

// do wraps a command's function to note that it ran.
func do(f func(c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		c.Annotations = map[string]string{ran: "yes"}
		return f(c, args)
	}
}

// newLogger logs to standard error.
func newLogger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// defaultCluster is where an agent listens when it is not told otherwise.
const defaultCluster = "127.0.0.1:7700"
