package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/datashard/survey"
	"parley/internal/job"
	"parley/internal/node"
)

// profileOptions are the flags of parley data profile.
type profileOptions struct {
	format, labels, vocab, page string
	columns                     []string
	job, json                   bool
}

func dataProfileCommand() *cobra.Command {
	var o profileOptions
	c := &cobra.Command{
		Use:   "profile PATH",
		Short: "Show what is in a dataset: columns, types, missing values, spread, labels, bad rows",
		Long: `Profile reads all rows of PATH (a file, a directory, a glob or a URL) once and shows what each column
holds: its type, how many values are missing and how many are different, least, mean and largest number
with a histogram, or the most frequent names; which column is likely to be the label; and which rows are bad.

--job prints a job file to start from instead, which trains on the data as it is; its comments say what was
guessed. --html writes a page with charts beside whatever is printed.

Exit codes: 0 done, whatever the rows are like; 2 usage, or PATH cannot be read.`,
		Example: `  parley data profile flights.csv.gz
  parley data profile flights.csv.gz --html flights.html
  parley data profile flights.csv.gz --job > job.yaml && parley train job.yaml
  parley data profile clicks.txt --format tsv --columns click,i1,i2,c1,c2`,
		Args:              takes("PATH"),
		ValidArgsFunction: arguments(anyFile),
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "format of the rows (default: by the suffix of PATH, else libsvm)")
	values(c, "format", oneOf(datashard.Formats()...))
	f.StringSliceVar(&o.columns, "columns", nil, "names of the columns of csv and tsv files without a header, separated by commas")
	f.StringVar(&o.labels, "labels", "", "file with the labels of uci-bow or idx")
	f.StringVar(&o.vocab, "vocab", "", "file with the words of uci-bow")
	f.BoolVar(&o.job, "job", false, "print a job file to start from, and nothing else")
	f.BoolVar(&o.json, "json", false, "print what was found as JSON, and nothing else")
	f.StringVar(&o.page, "html", "", "file for a web page of what was found")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if o.job && o.json {
			return exit(exitUsage, errors.New("--job and --json exclude each other: each is all of standard output"))
		}
		return profileData(c.Context(), o, args[0])
	})
	return c
}

// profileGC keeps the heap near to what is alive: a profile may hold 200 MB of
// values, and main lets garbage grow to several times that.
const profileGC = 50

func profileData(ctx context.Context, o profileOptions, path string) error {
	defer debug.SetGCPercent(debug.SetGCPercent(profileGC))
	save, err := o.openPage()
	if err != nil {
		return err
	}
	defer save.Cleanup()
	source := datashard.Source{Path: path, Format: o.format, Columns: o.columns, Labels: o.labels, Vocab: o.vocab}
	if source.Format == "" {
		source.Format = job.FormatOf(path)
	}
	remote := node.NewRemote(slog.New(slog.DiscardHandler))
	defer remote.Close()
	s, err := survey.Take(ctx, source, datashard.Options{Remote: remote, CacheBytes: 64 << 20})
	if err != nil {
		return err
	}
	if err := o.print(os.Stdout, s); err != nil {
		return err
	}
	if name := o.suspectName(s); name != "" {
		fmt.Fprintf(os.Stderr, "parley: a column is called %s, as the first line says: if that line is a row, since the file has no header, name the columns by --columns\n", name)
	}
	return save.page(s)
}

// suspectName returns a name that rather looks like a cell, if there is one:
// without a header, the first row is taken for the names of the columns.
func (o *profileOptions) suspectName(s *survey.Survey) string {
	if s.Format != "csv" && s.Format != "tsv" || len(o.columns) > 0 {
		return ""
	}
	for _, c := range s.Columns {
		if _, err := strconv.ParseFloat(c.Name, 64); err == nil && strings.ContainsAny(c.Name, "0123456789") {
			return c.Name
		}
	}
	return ""
}

// print writes what was asked for to standard output.
func (o *profileOptions) print(w io.Writer, s *survey.Survey) error {
	switch {
	case o.job:
		text, err := s.Draft()
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	case o.json:
		return printJSON(w, s)
	}
	if err := s.Print(w); err != nil {
		return err
	}
	if _, err := s.Draft(); err == nil {
		_, err = fmt.Fprintf(w, "\nA job to start from: parley data profile %s --job > job.yaml\n", strings.Join(o.again(s.Path), " "))
		return err
	}
	return nil
}

// again returns the arguments of this command, for a message.
func (o *profileOptions) again(path string) []string {
	args := []string{shellWord(path)}
	for _, flag := range []struct{ name, value string }{{"format", o.format}, {"columns", strings.Join(o.columns, ",")}, {"labels", o.labels}, {"vocab", o.vocab}} {
		if flag.value != "" {
			args = append(args, "--"+flag.name, shellWord(flag.value))
		}
	}
	return args
}

// shellWord quotes a word as shells want it.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$&;|<>()*?[]{}~#!`") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// pageFile is the file of the page under another name; nil where none is wanted.
type pageFile struct{ *renameio.PendingFile }

// openPage finds out before the work whether the page can be written.
func (o *profileOptions) openPage() (pageFile, error) {
	if o.page == "" {
		return pageFile{}, nil
	}
	if info, err := os.Stat(o.page); err == nil && info.IsDir() {
		return pageFile{}, exit(exitUsage, fmt.Errorf("--html %s: is a folder: give the name of a file in it", o.page))
	}
	f, err := renameio.NewPendingFile(o.page, renameio.WithTempDir(filepath.Dir(o.page)), renameio.WithPermissions(0o644))
	if err == nil {
		return pageFile{f}, nil
	}
	return pageFile{}, exit(exitUsage, fmt.Errorf("--html %s: cannot write there: %w: choose another file", o.page, unnamed(err)))
}

// Cleanup removes what was not given its name.
func (p pageFile) Cleanup() {
	if p.PendingFile != nil {
		p.PendingFile.Cleanup()
	}
}

// page writes the page and gives the file its name.
func (p pageFile) page(s *survey.Survey) error {
	if p.PendingFile == nil {
		return nil
	}
	if err := s.WritePage(p); err != nil {
		return err
	}
	return p.CloseAtomicallyReplace()
}
