package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"parley/internal/artifact"
	"parley/internal/job"
	parleyv1 "parley/proto/parley/v1"
)

// progress tells how a job goes: a live line on a terminal, plain lines
// elsewhere. Everything goes to standard error.
type progress struct {
	out      io.Writer
	live     bool
	embedded bool // nodes come and go with this process: not worth a line
	width    int
	drawn    bool
	epoch    time.Time // when an epoch was told last
	rows     int64
	at       time.Time
	rate     float64
	waiting  string // what was said of a wait
	loss     string // what the status has as loss
}

func newProgress(f *os.File) *progress {
	p := &progress{out: f, live: term.IsTerminal(int(f.Fd())), loss: "progressive loss"}
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

// lossNames says what the loss of a job is, by the metric of its epochs.
var lossNames = map[string]string{"progressive_loss": "progressive loss", "loss": "loss", "residual": "largest residual"}

// quiet is how often plain lines of epochs come at most.
const quiet = time.Second

func (p *progress) event(e artifact.Event) {
	switch e.Kind {
	case artifact.EventJoin:
		if !p.embedded {
			p.line("%s", e.Message)
		}
	case artifact.EventProfile:
		p.line("data: %s", e.Message)
	case artifact.EventEpoch:
		for name, loss := range lossNames {
			if _, ok := e.Metrics[name]; ok {
				p.loss = loss
			}
		}
		if p.live || time.Since(p.epoch) < quiet {
			return
		}
		p.epoch = time.Now()
		p.line("%s", e.Message)
	case artifact.EventFailure, artifact.EventRecovery, artifact.EventFenced, artifact.EventLeave, artifact.EventStop:
		p.line("%s", e.Message)
	case artifact.EventCheckpoint:
		if e.Round == nil && !p.embedded { // there are none; in one process no server dies alone
			p.line("%s", e.Message)
		}
	}
}

// longWait is from when on a wait is told.
const longWait = 2.0

func (p *progress) status(s *parleyv1.JobStatus) {
	now := time.Now()
	// Counts come in steps, with the heartbeats of the nodes: between two of them
	// nothing is new, and after some time nothing happens.
	switch dt, rows := now.Sub(p.at).Seconds(), s.GetRows()-p.rows; {
	case p.at.IsZero() || rows < 0:
		p.rows, p.at = s.GetRows(), now
	case rows > 0 && dt > 0.2 || dt > longWait:
		p.rate = float64(rows) / dt
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
		text = fmt.Sprintf("[%s%s] epoch %d/%d  %s rows/s  %s %.4g", strings.Repeat("=", full), strings.Repeat(" ", size-full),
			s.GetEpoch(), s.GetEpochs(), short(p.rate), p.loss, s.GetLoss())
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
	fmt.Fprintf(out, "%s: %s on %d rows, %d columns: %d epochs in %.2f s (%s rows/s), %sB pushed, %sB pulled\n\n", r.Job, j.Model.Kind, r.Rows, r.Columns,
		r.Epochs, r.Seconds.Train, short(r.RowsPerSecond), short(float64(r.Bytes.Pushed)), short(float64(r.Bytes.Pulled)))
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
	for _, metric := range []string{"logloss", "hinge_loss", "accuracy", "auc", "precision", "recall", "f1", "ece", "poisson_deviance", "d2", "mse", "rmse", "mae", "r2", "explained"} {
		if _, ok := r.Metrics.Train[metric]; !ok {
			continue
		}
		fmt.Fprintf(w, "%s\t", metric)
		for _, s := range sets {
			cell := "-"
			if v, ok := s.values[metric]; ok {
				cell = number(v)
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
	if hint := poor(r.Metrics.Train); hint != "" {
		fmt.Fprintf(out, "\n%s: lower optimizer.rate, scale the features, or train for more epochs\n", hint)
	}
	output := j.Output
	if !strings.Contains(output, "://") {
		output = shortPath(output)
	}
	use, show := "predict", "model show"
	if j.Model.FindsTopics() {
		use, show = "transform", "topics"
		printAccuracy(out, j, r)
	}
	fmt.Fprintf(out, "\nmodel   %s  (SHA-256 %s)\nreport  %s\n\nnext: parley %s %s %s\n      parley %s %s\n", output+"/"+artifact.ModelDir, r.ModelSHA256,
		output+"/"+artifact.ReportFile, use, quoted(output), quoted(shortPath(testPath(j))), show, quoted(output))
	return nil
}

// printAccuracy tells how near the singular triplets are to those of the data.
func printAccuracy(out io.Writer, j *job.Job, r *artifact.Report) {
	largest, above := 0.0, 0
	for _, t := range r.Topics {
		largest = max(largest, t.Residual)
		if t.Residual > j.Model.Tolerance {
			above++
		}
	}
	fmt.Fprintf(out, "\nlargest residual ‖Aᵀu - σv‖/σ₁: %.2g, tolerance %.2g\n", largest, j.Model.Tolerance)
	if above > 0 && r.Epochs >= j.Model.Passes {
		fmt.Fprintf(out, "%d of %d triplets are above the tolerance after %d passes: raise model.passes or model.tolerance\n", above, len(r.Topics), r.Epochs)
	}
}

// number writes a metric with four decimals as long as that is readable.
func number(v float64) string {
	if math.Abs(v) >= 1e6 {
		return fmt.Sprintf("%.4g", v)
	}
	return fmt.Sprintf("%.4f", v)
}

// poor tells of a model that predicts its own training data worse than a
// constant does.
func poor(train artifact.Values) string {
	if loss := train["logloss"]; loss > math.Ln2 {
		return fmt.Sprintf("the training logloss is above %.4f, which guessing 1/2 would reach", math.Ln2)
	}
	if loss := train["hinge_loss"]; loss > 1 {
		return "the training hinge_loss is above 1, which margins of 0 would reach"
	}
	if d2 := train["d2"]; d2 < 0 {
		return "the training d2 is below 0, which guessing the mean rate would reach"
	}
	if r2 := train["r2"]; r2 < 0 {
		return "the training r2 is below 0, which guessing the mean would reach"
	}
	return ""
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%=", r) || r >= utf8.RuneSelf
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
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
