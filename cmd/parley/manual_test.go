package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md and testdata/golden anew")

// matches compares a text with that of a file, or writes it there with -update.
func matches(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(readFile(t, file), text); diff != "" {
		t.Errorf("%s is not current; if the change is right, write it by: go test ./cmd/parley -run %s -update\n%s", file, t.Name(), diff)
	}
}

// TestManual: docs/cli.md says what the commands say of themselves.
func TestManual(t *testing.T) {
	t.Parallel()
	matches(t, "../../docs/cli.md", manual(rootCommand()))
}

// userCommands returns the command and those below it that are not hidden.
func userCommands(c *cobra.Command) (all []*cobra.Command) {
	if c.Hidden {
		return nil
	}
	all = append(all, c)
	for _, below := range c.Commands() {
		all = append(all, userCommands(below)...)
	}
	return all
}

// manual writes the manual of the commands as Markdown.
func manual(root *cobra.Command) string {
	root.InitDefaultHelpCmd()
	text, codes := helpOf(root)
	var b strings.Builder
	fmt.Fprintf(&b, "# The command line\n\n%s\n\nAll of this is also what `parley help COMMAND` shows; `go test ./cmd/parley -run TestManual -update` writes it from there.\n\n| command | |\n| --- | --- |\n", text)
	commands := userCommands(root)[1:]
	for _, c := range commands {
		if !c.HasSubCommands() {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
		}
	}
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n")
	for _, code := range codes {
		fmt.Fprintf(&b, "| %s | %s |\n", code.number, code.meaning)
	}
	b.WriteString("\nWhat a code means to a command stands there where it is more than this. Any command can be interrupted.\n")
	for _, c := range commands {
		if !c.HasSubCommands() {
			describeCommand(&b, c)
		}
	}
	return b.String()
}

func describeCommand(b *strings.Builder, c *cobra.Command) {
	text, codes := helpOf(c)
	fmt.Fprintf(b, "\n## %s\n\n```\n%s\n```\n\n%s.\n\n%s\n\n", c.CommandPath(), c.UseLine(), c.Short, text)
	if flags := c.LocalFlags().FlagUsagesWrapped(120); flags != "" {
		fmt.Fprintf(b, "Flags:\n\n```\n%s```\n\n", flags)
	}
	fmt.Fprintf(b, "Examples:\n\n```\n%s\n```\n\nExit codes:\n\n", unindented(c.Example))
	for _, code := range codes {
		fmt.Fprintf(b, "- `%s` %s\n", code.number, code.meaning)
	}
}

func unindented(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}

// exitMeaning is what a command says of an exit code.
type exitMeaning struct{ number, meaning string }

var exitCodes = regexp.MustCompile(`(?s)\n\nExit codes: (.*)\.$`)

// helpOf returns what a command does, as Markdown, and what its exit codes mean.
func helpOf(c *cobra.Command) (text string, codes []exitMeaning) {
	text = c.Long
	if found := exitCodes.FindStringSubmatchIndex(text); found != nil {
		for part := range strings.SplitSeq(strings.ReplaceAll(text[found[2]:found[3]], "\n", " "), "; ") {
			number, meaning, _ := strings.Cut(part, " ")
			codes = append(codes, exitMeaning{number, meaning})
		}
		text = text[:found[0]]
	}
	return fenced(strings.NewReplacer("*", `\*`, "<", `\<`).Replace(text)), codes
}

var indented = regexp.MustCompile(`(?m)\n*(^  .*\n?)+\n*`)

// fenced makes code blocks of lines that are indented.
func fenced(text string) string {
	return indented.ReplaceAllStringFunc(text, func(block string) string {
		return "\n\n```\n" + unindented(strings.Trim(block, "\n")) + "\n```\n\n"
	})
}
