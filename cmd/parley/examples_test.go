package main

import (
	"os"
	"path/filepath"
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
				of := checkExample(t, p, c.CommandPath(), words)
				own = own || strings.HasPrefix(of+" ", c.CommandPath()+" ")
			}
		}
		if !own {
			t.Errorf("%s has no example of itself:\n%s", c.CommandPath(), c.Example)
		}
	}
}

// TestDocumented: parley takes the command lines that the documentation shows.
func TestDocumented(t *testing.T) {
	t.Parallel()
	p, n := newPlace(t), 0
	for _, pattern := range []string{"../../README.md", "../../docs/*.md", "../../experiments/*/README.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if filepath.Base(file) == "cli.md" { // TestExamples has seen them
				continue
			}
			for line := range strings.Lines(readFile(t, file)) {
				line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
				for _, words := range commandLines(line) {
					checkExample(t, p, file, words)
					n++
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("%d command lines", n)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

// checkExample checks a command line of a help or a file, and returns the command.
func checkExample(t *testing.T, p *place, from string, words []string) string {
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
		t.Errorf("%s: %q names no command", from, words)
	}
	if args = c.Flags().Args(); err == nil && slices.Contains([]string{"parley train", "parley data check"}, c.CommandPath()) {
		_, err = job.Load(p.path("job.yaml"), args[1:])
	}
	if err != nil {
		t.Errorf("%s: %q: %v", from, words, err)
	}
	return c.CommandPath()
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
