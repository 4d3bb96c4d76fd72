package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"parley/internal/artifact"
	"parley/internal/job"
	parleyv1 "parley/proto/parley/v1"
)

// progress tells how a job goes: a live line on a terminal, plain lines
// elsewhere. Everything goes to standard error.
type progress struct {
	out     io.Writer
	live    bool
	width   int
	drawn   bool
	epoch   time.Time // when an epoch was told last
	rows    int64
	at      time.Time
	rate    float64
	waiting string // what was said of a wait
}

func newProgress(f *os.File) *progress {
	p := &progress{out: f, live: term.IsTerminal(int(f.Fd()))}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		p.width = w
	}
	return p
}

// line prints a line of its own.
func (p *progress) line(format string, args ...any) {
	p.erase()
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) erase() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) finish() { p.erase() }

// quiet is how often plain lines of epochs come at most.
const quiet = time.Second

func (p *progress) event(e artifact.Event) {
	switch e.Kind {
	case artifact.EventEpoch:
		if p.live || time.Since(p.epoch) < quiet {
			return
		}
		p.epoch = time.Now()
		p.line("%s", e.Message)
	case artifact.EventFailure, artifact.EventRecovery, artifact.EventFenced, artifact.EventJoin, artifact.EventProfile:
		p.line("%s", e.Message)
	}
}

// longWait is from when on a wait is told.
const longWait = 2.0

func (p *progress) status(s *parleyv1.JobStatus) {
	now := time.Now()
	if dt := now.Sub(p.at).Seconds(); dt > 0.2 {
		if !p.at.IsZero() && s.GetRows() >= p.rows {
			p.rate = float64(s.GetRows()-p.rows) / dt
		}
		p.rows, p.at = s.GetRows(), now
	}
	wait := ""
	if s.GetSince() > longWait && s.GetOwner() != "" && s.GetPhase() != "done" {
		wait = fmt.Sprintf("waits for %s: %s", s.GetOwner(), s.GetWhy())
	}
	if p.live {
		p.draw(s, wait)
	} else if wait != "" && wait != p.waiting {
		p.line("%s (for %.0f s)", wait, s.GetSince())
	}
	p.waiting = wait
}

func (p *progress) draw(s *parleyv1.JobStatus, wait string) {
	text := s.GetPhase()
	if s.GetRounds() > 0 {
		done := float64(s.GetRound()) / float64(s.GetRounds())
		const size = 24
		full := int(done * size)
		text = fmt.Sprintf("[%s%s] epoch %d/%d  %s rows/s  progressive loss %.4f", strings.Repeat("=", full), strings.Repeat(" ", size-full),
			s.GetEpoch(), s.GetEpochs(), short(p.rate), s.GetLoss())
		if done > 0 && done < 1 && s.GetSeconds() > 1 {
			left := time.Duration(s.GetSeconds() * (1 - done) / done * float64(time.Second))
			text += "  ETA " + left.Round(time.Second).String()
		}
	}
	if wait != "" {
		text += fmt.Sprintf("  %s (%.0f s)", wait, s.GetSince())
	}
	if p.width > 1 && len(text) >= p.width {
		text = text[:p.width-1]
	}
	fmt.Fprint(p.out, "\r\x1b[K"+text)
	p.drawn = true
}

// short writes a count with three digits or so.
func short(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2fG", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2fM", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1fk", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}

// printResult prints a table of metrics, where the model is, and what to type
// next.
func printResult(out io.Writer, j *job.Job, r *artifact.Report) error {
	fmt.Fprintf(out, "%s: %s on %d rows, %d columns: %d epochs in %.2f s (%s rows/s), %d bytes pushed, %d pulled\n\n", r.Job, j.Model.Kind, r.Rows, r.Columns,
		r.Epochs, r.Seconds.Train, short(r.RowsPerSecond), r.Bytes.Pushed, r.Bytes.Pulled)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	sets := []struct {
		name   string
		values artifact.Values
	}{{"train", r.Metrics.Train}, {"test", r.Metrics.Test}, {"holdout", r.Metrics.Holdout}}
	sets = slices.DeleteFunc(sets, func(s struct {
		name   string
		values artifact.Values
	}) bool {
		return len(s.values) == 0
	})
	fmt.Fprint(w, "\t")
	for _, s := range sets {
		fmt.Fprintf(w, "%s\t", s.name)
	}
	fmt.Fprintln(w)
	for _, metric := range []string{"logloss", "accuracy", "auc", "precision", "recall", "f1", "mse", "rmse", "mae", "r2"} {
		if _, ok := r.Metrics.Train[metric]; !ok {
			continue
		}
		fmt.Fprintf(w, "%s\t", metric)
		for _, s := range sets {
			cell := "-"
			if v, ok := s.values[metric]; ok {
				cell = fmt.Sprintf("%.4f", v)
			}
			fmt.Fprintf(w, "%s\t", cell)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.UnknownFeatures > 0 {
		fmt.Fprintf(out, "\n%d values of the test data are in columns that the training data lacks: they were ignored\n", r.UnknownFeatures)
	}
	output := shortPath(j.Output)
	fmt.Fprintf(out, "\nmodel   %s  (SHA-256 %s)\nreport  %s\n\nnext: parley predict %s %s\n      parley model show %s\n", filepath.Join(output, artifact.ModelDir), r.ModelSHA256,
		filepath.Join(output, artifact.ReportFile), output, shortPath(testPath(j)), output)
	return nil
}

func testPath(j *job.Job) string {
	if j.Data.Test != nil {
		return j.Data.Test.Path
	}
	return j.Data.Train.Path
}

// shortPath is the path as seen from here, when that is shorter.
func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}
