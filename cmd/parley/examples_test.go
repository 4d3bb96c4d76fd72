package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"parley/internal/job"
)

// TestExamples: the help of every command has an example of it, and what stands
// there are command lines that parley takes.
func TestExamples(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range commandsOf(t) {
		own := false
		for line := range strings.Lines(c.Example) {
			for _, words := range commandLines(line) {
				own = own || checkExample(t, p, c, words)
			}
		}
		if !own {
			t.Errorf("%s has no example of itself:\n%s", c.CommandPath(), c.Example)
		}
	}
}

// commandsOf returns all commands of users.
func commandsOf(t *testing.T) []*cobra.Command {
	t.Helper()
	root := rootCommand()
	root.InitDefaultHelpCmd()
	all := userCommands(root)
	if len(all) < 30 {
		t.Fatalf("%d commands", len(all))
	}
	return all
}

// checkExample reports whether an example of a command is of it or of one below.
func checkExample(t *testing.T, p *place, of *cobra.Command, words []string) bool {
	t.Helper()
	root := rootCommand() // flags of an example do not stay for the next one
	root.InitDefaultHelpCmd()
	c, args, err := root.Find(words)
	if err == nil {
		err = c.ParseFlags(args)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err == nil && c.HasSubCommands() && c.HasParent() {
		t.Errorf("an example of %s names no command: %q", of.CommandPath(), words)
	}
	if args = c.Flags().Args(); err == nil && slices.Contains([]string{"parley train", "parley data check"}, c.CommandPath()) {
		_, err = job.Load(p.path("job.yaml"), args[1:])
	}
	if err != nil {
		t.Errorf("an example of %s, %q: %v", of.CommandPath(), words, err)
	}
	return strings.HasPrefix(c.CommandPath()+" ", of.CommandPath()+" ")
}

var shellWords = regexp.MustCompile(`'[^']*'|"[^"]*"|&&|[|>()]|[^\s'"|>()]+`)

// commandLines returns the arguments of what is parley in a line for a shell.
func commandLines(line string) (all [][]string) {
	var words []string
	end := func() {
		if len(words) > 0 && words[0] == "parley" {
			all = append(all, words[1:])
		}
		words = nil
	}
	file := false // that something is redirected to
	for _, word := range shellWords.FindAllString(line, -1) {
		switch {
		case strings.Contains("&&|()", word):
			end()
		case word == ">":
			file = true
		case file:
			file = false
		default:
			words = append(words, strings.Trim(word, `'"`))
		}
	}
	end()
	return all
}
