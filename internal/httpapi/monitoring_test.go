package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const (
	monitoring = "../../experiments/cluster/prometheus/"
	dashboard  = "../../experiments/cluster/grafana/parley.json"
	operations = "../../docs/operations.md"
)

// rules is a file of alert rules, or of their tests.
type rules struct {
	Groups []struct {
		Name  string
		Rules []alert
	}
	Tests []struct {
		Alerts []struct {
			Name     string `yaml:"alertname"`
			EvalTime string `yaml:"eval_time"`
			Expected []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T, name string) (r rules) {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	if err == nil {
		err = yaml.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	for _, g := range readRules(t, "alerts.yml").Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

// queries returns the queries of the dashboard by the title of their panel and the
// name in it.
func queries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID          int
			Type, Title string
			Description string
			Targets     []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%s: %v", dashboard, err)
	}
	found, ids := map[string]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
			t.Errorf("panel %q: an id of its own, a description and queries are wanted", p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			found[p.Title+" "+q.RefID] = q.Expr
		}
	}
	if len(found) == 0 {
		t.Fatal("the dashboard has no queries")
	}
	return found
}

var (
	// What of a query is no name of a metric: strings, labels, times.
	notNames = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)|\boffset\s+\w+|\b\d\w*`)
	word     = regexp.MustCompile(`[A-Za-z_:][\w:]*(\s*\()?`)
	keywords = []string{"and", "or", "unless", "bool"}
)

// metricsOf returns the metrics that a query names.
func metricsOf(query string) (names []string) {
	for _, w := range word.FindAllString(notNames.ReplaceAllString(query, " "), -1) {
		if !strings.HasSuffix(w, "(") && !slices.Contains(keywords, w) && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	return names
}

func TestMetricsOf(t *testing.T) {
	for query, want := range map[string]string{
		`up{job="parley"} == 0`:                              "up",
		`sum by (code) (rate(a_total{x=~"b|c"}[1m]))`:        "a_total",
		`a / on(instance) (b or 0 * up)`:                     "a b up",
		`a > 0 unless a offset 1h > 0`:                       "a",
		`a < 3 * b + 60`:                                     "a b",
		`clamp_min(deriv(parley_job_rows{y="$z"}[1m]), 1e3)`: "parley_job_rows",
	} {
		if got := strings.Join(metricsOf(query), " "); got != want {
			t.Errorf("%s names %q, want %q", query, got, want)
		}
	}
}

// TestMonitoringKnowsTheMetrics: what alerts and dashboard ask for is told by a node,
// and so listed in docs/metrics.md.
func TestMonitoringKnowsTheMetrics(t *testing.T) {
	told := []string{"up", "ALERTS"} // Prometheus says these itself
	for line := range strings.Lines(scrape(t, cluster())) {
		if name := word.FindString(line); !strings.HasPrefix(line, "#") {
			told = append(told, name)
		}
	}
	asked := queries(t)
	for _, a := range alerts(t) {
		asked[a.Alert] = a.Expr
	}
	for where, query := range asked {
		names := metricsOf(query)
		if len(names) == 0 {
			t.Errorf("%s names no metric: %s", where, query)
		}
		for _, name := range names {
			if !slices.Contains(told, name) {
				t.Errorf("%s asks for %s, which is not in docs/metrics.md and no node tells: %s", where, name, query)
			}
		}
	}
}

// TestAlertsAreExplained: each alert has a section of docs/operations.md, a summary
// and a severity, and a test that sees it fire and one that sees it silent.
func TestAlertsAreExplained(t *testing.T) {
	doc, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^### (Parley\w+)$`).FindAllSubmatch(doc, -1) {
		sections = append(sections, string(m[1]))
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, x := range readRules(t, "alerts_test.yml").Tests {
		for _, a := range x.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Expected) > 0
			silent[a.Name] = silent[a.Name] || len(a.Expected) == 0
		}
	}
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if !fires[a.Alert] || !silent[a.Alert] {
			t.Errorf("%s: alerts_test.yml shows it firing: %t, and silent: %t", a.Alert, fires[a.Alert], silent[a.Alert])
		}
		if !slices.Contains([]string{"info", "warning", "critical"}, a.Labels["severity"]) || a.Annotations["summary"] == "" {
			t.Errorf("%s has severity %q and summary %q", a.Alert, a.Labels["severity"], a.Annotations["summary"])
		}
	}
	if !slices.Equal(names, sections) {
		t.Errorf("alerts     %q\nsections of docs/operations.md %q", names, sections)
	}
}

// TestPromtool has Prometheus's own tool look at rules, their tests, the
// configuration and the queries of the dashboard.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool, which comes with Prometheus, is not there:", err)
	}
	var records bytes.Buffer
	records.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for _, query := range queries(t) {
		fmt.Fprintf(&records, "      - {record: a, expr: %q}\n", query)
	}
	recorded := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(recorded, records.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}, {"check", "rules", "--lint=none", recorded}} {
		c := exec.Command("promtool", args...)
		c.Dir = monitoring
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
