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
	"syscall"

	"parley/internal/client"
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

// run runs one command line. An error that cobra finds is one of usage.
func run(ctx context.Context, args []string) error {
	root := rootCommand()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	var e *exitError
	if err != nil && !errors.As(err, &e) && !ranCommand(c) {
		err = exit(exitUsage, fmt.Errorf("%w (see %s --help)", err, c.CommandPath()))
	}
	return err
}

// newLogger logs to standard error.
func newLogger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// defaultCluster is where an agent listens when it is not told otherwise.
const defaultCluster = "127.0.0.1:7700"
