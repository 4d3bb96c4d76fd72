package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that completion is written for, by what writes it.
var shells = map[string]func(root *cobra.Command, out io.Writer) error{
	"bash":       func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) },
	"fish":       func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) },
	"powershell": func(root *cobra.Command, out io.Writer) error { return root.GenPowerShellCompletionWithDesc(out) },
	"zsh":        func(root *cobra.Command, out io.Writer) error { return root.GenZshCompletion(out) },
}

func completionCommand() *cobra.Command {
	names := slices.Sorted(maps.Keys(shells))
	c := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write a script that makes a shell complete commands, flags, job ids and files",
		Long: `Completion writes a script for bash (which needs the package bash-completion), fish, powershell or zsh.
Ids of jobs, with their state and name, come from the cluster of --cluster, or from the agent at 127.0.0.1:7700 when
it is not given; where none answers within a second, nothing is proposed. Behind a job file come the keys of job files.

Exit codes: 0 done; 2 usage.`,
		Example: `  source <(parley completion bash)
  parley completion bash > /etc/bash_completion.d/parley
  parley completion zsh > "${fpath[1]}/_parley"
  parley completion fish > ~/.config/fish/completions/parley.fish`,
		Args:      takes("SHELL"),
		ValidArgs: names,
	}
	c.RunE = do(func(c *cobra.Command, args []string) error {
		write := shells[args[0]]
		if write == nil {
			return exit(exitUsage, fmt.Errorf("unknown shell %q: choose one of %s", args[0], strings.Join(names, ", ")))
		}
		return write(c.Root(), c.OutOrStdout())
	})
	return c
}
