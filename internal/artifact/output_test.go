package artifact

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
)

func TestCheckOutputAccepts(t *testing.T) {
	root := t.TempDir()
	mustSave(t, filepath.Join(root, "done"), 1, false)
	if err := os.WriteFile(filepath.Join(root, ReportFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	for output, force := range map[string]bool{"": false, "new": false, "a/b/c": false, "done": true} {
		if err := CheckOutput(filepath.Join(root, output), force); err != nil {
			t.Errorf("%q: %v", output, err)
		}
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("the check left something:\n%s", diff)
	}
}

func TestCheckOutputRefuses(t *testing.T) {
	root := t.TempDir()
	mustSave(t, filepath.Join(root, "done"), 1, false)
	for _, err := range []error{
		os.WriteFile(filepath.Join(root, "file"), nil, 0o644),
		os.MkdirAll(filepath.Join(root, "other", "model", "mine"), 0o755),
		os.Symlink(filepath.Join(root, "nowhere"), filepath.Join(root, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, root)
	for _, test := range []struct {
		output string
		force  bool
		want   string
	}{
		{"done", false, "--force"},
		{"file", false, "is a file"},
		{"file", true, "is a file"},
		{"file/below/it", false, "file is a file"},
		{"other", true, "is not a finished model"},
		{"link", false, "leads nowhere"},
		{strings.Repeat("x", 300), false, "too long"},
	} {
		err := CheckOutput(filepath.Join(root, test.output), test.force)
		if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20q: %v, want an invalid error with %q", test.output, err, test.want)
		}
	}
	if err := CheckOutput("", false); param.KindOf(err) != param.Invalid {
		t.Errorf("no output: %v", err)
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("the check changed something:\n%s", diff)
	}
}

func TestOutputNotWritable(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	if probe := filepath.Join(root, "probe"); os.Mkdir(probe, 0o755) == nil {
		root = "/proc" // root writes through permissions, but not there
		if os.Mkdir("/proc/parley-probe", 0o755) == nil {
			t.Skip("this user can write everywhere")
		}
	}
	for _, output := range []string{root, filepath.Join(root, "new")} {
		err := CheckOutput(output, false)
		if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "cannot write to "+root) {
			t.Errorf("%v, want an invalid error that names %s", err, root)
		}
		if _, err := Save(output, linearModel(), nil, fillWith(1), false); err == nil {
			t.Errorf("saved to %s", output)
		}
		if _, err := CreateEvents(output, false); err == nil {
			t.Errorf("made events in %s", output)
		}
	}
	if err := WriteReport(root, new(Report)); err == nil {
		t.Errorf("wrote a report to %s", root)
	}
}

func TestReport(t *testing.T) {
	output := t.TempDir()
	want := &Report{
		Job: "a9a", ModelSHA256: "m", Reproducible: true, Rows: 32561, Epochs: 5, Objective: 0.32,
		Metrics: Metrics{Train: Values{"auc": 0.9}, Test: Values{"auc": math.NaN(), "logloss": 0.325}},
		Seconds: Seconds{Total: 1.5}, Bytes: Bytes{Pushed: 7}, Nodes: 3,
	}
	for range 2 { // the second replaces the first
		if err := WriteReport(output, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadReport(output)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if files := tree(t, output); len(files) != 1 {
		t.Errorf("more than the report: %v", files)
	}
}

// TestReportKeys holds the keys that DESIGN promises to scripts.
func TestReportKeys(t *testing.T) {
	text, err := json.Marshal(Report{Metrics: Metrics{Train: Values{}, Test: Values{"auc": 1}}})
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("job model_sha256 data_sha256 plan_sha256 reproducible consistency kernels " +
		"rows epochs rounds objective metrics.train metrics.test seconds.total seconds.profile seconds.train " +
		"seconds.evaluate rows_per_second bytes.pushed bytes.pulled nodes restarts quarantined_rows unknown_features") {
		outer, inner, nested := strings.Cut(key, ".")
		value, ok := report[outer]
		if ok && nested {
			_, ok = value.(map[string]any)[inner]
		}
		if !ok {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestReadReportDamaged(t *testing.T) {
	output := t.TempDir()
	if err := os.WriteFile(filepath.Join(output, ReportFile), []byte(`{"job":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadReport(output); param.KindOf(err) != param.Corrupt {
		t.Errorf("%v, want a corrupt error", err)
	}
}

func TestEvents(t *testing.T) {
	output := filepath.Join(t.TempDir(), "runs")
	if err := os.MkdirAll(output, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(output, EventsFile), []byte("of an earlier run\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := CreateEvents(output, false)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	var all sync.WaitGroup
	for range 8 { // lines of several goroutines stay whole
		all.Go(func() {
			for range 50 {
				if err := log.Append(Event{Time: at, Kind: EventFailure, Node: "n1", Workers: []param.Worker{0}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	line := `{"time":"2026-01-02T03:04:05.006Z","kind":"failure","node":"n1","workers":[0]}` + "\n"
	text := tree(t, output)[EventsFile]
	if want := strings.Repeat(line, 400); text != want {
		lines := slices.Compact(strings.SplitAfter(text, "\n"))
		t.Errorf("%d bytes, want %d; lines %q", len(text), len(want), lines)
	}
	if err := log.Append(Event{Kind: EventEnd}); err == nil {
		t.Error("a closed log took an event")
	}
}
