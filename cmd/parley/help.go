package main

import (
	"github.com/spf13/cobra"
)

func helpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "help [COMMAND ...]",
		Short: "Show what a command does, its flags and examples",
		Long: `Help shows what a command does, as --help behind it does.

Exit codes: 0 done; 2 there is no such command.`,
		Example: `  parley help train
  parley help job show`,
		ValidArgsFunction: completeCommands,
	}
	c.RunE = do(func(c *cobra.Command, args []string) error {
		about, rest, err := c.Root().Find(args)
		if err != nil {
			return exit(exitUsage, err)
		}
		if len(rest) > 0 {
			return unknownCommand(about, rest[0])
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	})
	return c
}

// completeCommands proposes what may come next in the name of a command.
func completeCommands(c *cobra.Command, args []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	about, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, below := range about.Commands() {
		if below.IsAvailableCommand() {
			found = append(found, cobra.CompletionWithDesc(below.Name(), below.Short))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
