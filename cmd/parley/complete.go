package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/coordinator"
	"parley/internal/client"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// What a shell proposes where files are meant.
var (
	anyFile  = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	folders  = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	jobFiles = cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt)
)

// oneOf proposes words.
func oneOf(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// someOf proposes words of a list with commas.
func someOf(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		for _, word := range words {
			if !slices.Contains(strings.Split(before, ","), word) {
				found = append(found, before+word)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// arguments proposes values for each argument by a function of its own, and nothing
// for more of them.
func arguments(each ...cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return each[len(args)](c, args, typed)
	}
}

// values sets what is proposed for the value of a flag.
func values(c *cobra.Command, flag string, propose cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, propose); err != nil {
		panic("parley: " + err.Error()) // there is no such flag
	}
}

// jobs proposes the ids of the jobs whose phase is wanted, of the cluster of
// --cluster.
func jobs(wanted func(phase string) bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		for _, j := range soon(c, c.Flag("cluster").Value.String()).GetJobs() {
			if wanted(j.GetPhase()) && !slices.Contains(args, j.GetJob()) {
				found = append(found, cobra.CompletionWithDesc(j.GetJob(), j.GetPhase()+", "+j.GetName()))
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func anyPhase(string) bool        { return true }
func isRunning(phase string) bool { return !isEnd(phase) }
func isDone(phase string) bool    { return phase == string(coordinator.Done) }
func isBroken(phase string) bool  { return isEnd(phase) && !isDone(phase) }

// outputs proposes folders, or what a cluster that is named could resume.
func outputs(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if c.Flag("cluster").Value.String() == "" {
		return folders(c, args, typed)
	}
	ids, directive := jobs(isBroken)(c, args, typed)
	if !slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, typed) }) {
		return folders(c, args, typed)
	}
	return ids, directive
}

// nodes proposes the addresses of the cluster that the agent of this machine is in.
func nodes(c *cobra.Command, _ []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, m := range soon(c, defaultCluster).GetMembers() {
		found = append(found, cobra.CompletionWithDesc(m.GetBind(), strings.Join(m.GetRoles(), ", ")))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeWithin is how long somebody at a prompt waits for a cluster.
const completeWithin = time.Second

// soon asks a cluster for its status; nil is no answer.
func soon(c *cobra.Command, address string) *parleyv1.StatusReply {
	ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
	defer cancel()
	cl, err := client.Connect(ctx, rpc.TCP{}, address)
	if err != nil {
		return nil
	}
	defer cl.Close()
	s, err := cl.Status(ctx, "")
	if err != nil {
		return nil
	}
	return s
}
