package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley/internal/job"
)

// overrides proposes a job file, then keys of one, and values where they are words.
func overrides(c *cobra.Command, args []string, typed string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		return jobFiles(c, args, typed)
	}
	var schema jobKey
	if err := json.Unmarshal(job.Schema(), &schema); err != nil {
		panic("parley: " + err.Error()) // we wrote it
	}
	if path, _, given := strings.Cut(typed, "="); given {
		for _, value := range schema.at(path).Enum {
			found = append(found, fmt.Sprintf("%s=%v", path, value))
		}
		return found, cobra.ShellCompDirectiveDefault
	}
	schema.list("", func(path, description string) {
		found = append(found, cobra.CompletionWithDesc(path+"=", description))
	})
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// jobKey is a key of the job file in its JSON Schema.
type jobKey struct {
	Description string
	Enum        []any
	Properties  map[string]*jobKey
}

// list calls f with the paths of the keys that have no others below them.
func (k *jobKey) list(path string, f func(path, description string)) {
	for _, name := range slices.Sorted(maps.Keys(k.Properties)) {
		below := k.Properties[name]
		if len(below.Properties) == 0 {
			f(path+name, below.Description)
		}
		below.list(path+name+".", f)
	}
}

// at returns the key at a path, or an empty one.
func (k *jobKey) at(path string) *jobKey {
	for name := range strings.SplitSeq(path, ".") {
		if k = k.Properties[name]; k == nil {
			return &jobKey{}
		}
	}
	return k
}
