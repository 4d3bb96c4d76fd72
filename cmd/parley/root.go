package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/internal/linalg"
)

// rootCommand has all commands below it.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "parley",
		Short: "Train models on more data than one process should hold, with the same bits on any number of nodes",
		Long: `Parley trains models on more data than one process should hold, with the same bits on any number of nodes.
A job file says what to train on what; with --cluster the job runs on agents, without it in this process.

Exit codes: 0 done; 1 the job failed, or anything else did; 2 usage, job file or data: found before training;
3 nobody answers as a cluster; 130 interrupted by Ctrl-C or SIGTERM.`,
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
	root.AddCommand(trainCommand(), resumeCommand(), agentCommand(), healthCommand(), statusCommand(), waitCommand(), runsCommand(), predictCommand(), transformCommand(), topicsCommand(), similarCommand(), modelCommand(), benchCommand(), jobCommand(), dataCommand(), devCommand(), completionCommand())
	root.SetHelpCommand(helpCommand())
	return root
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
			return errors.New("give " + what)
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
