package httpapi

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape returns what a node tells after one request that was answered.
func scrape(t *testing.T, f *fake) string {
	t.Helper()
	h := f.handler()
	ask(h, "GET", "/v1/jobs/none", "")
	w := ask(h, "GET", "/metrics", "")
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	text := scrape(t, cluster())
	for _, line := range []string{
		`parley_node_info{node="n1",version="1"} 1`, `parley_node_ready 1`,
		`parley_cluster_members{role="ps"} 1`, `parley_cluster_members{role="trainer"} 1`,
		`parley_cluster_jobs{phase="failed"} 1`, `parley_cluster_jobs{phase="training"} 1`, `parley_cluster_jobs{phase="done"} 0`,
		`parley_job_rounds{parley_job="j-1"} 30`, `parley_job_planned_rounds{parley_job="j-1"} 120`, `parley_job_rows{parley_job="j-1"} 480`,
		`parley_job_epoch{parley_job="j-1"} 1`, `parley_job_planned_epochs{parley_job="j-1"} 4`,
		`parley_job_loss{parley_job="j-1"} 0.25`, `parley_job_loss{parley_job="k-2"} NaN`,
		`parley_job_pushed_bytes{parley_job="j-1"} 1.048576e+06`, `parley_job_pulled_bytes{parley_job="j-1"} 2.097152e+06`,
		`parley_job_running_seconds{parley_job="j-1"} 3`, `parley_job_waiting_seconds{parley_job="j-1"} 1.5`, `parley_job_restarts_total{parley_job="j-1"} 1`,
		`parley_job_awaited{owner="n2",parley_job="j-1"} 1`, `parley_job_checkpoint_age_seconds{parley_job="j-1"} 40`,
		`parley_job_checkpoint_interval_seconds{parley_job="j-1"} 30`, `parley_job_quarantined_rows{parley_job="j-1"} 7`,
		`parley_node_disk_bytes 1.073741824e+09`, `parley_node_disk_free_bytes 2.68435456e+08`,
		`parley_cache_bytes 1.048576e+06`, `parley_cache_hits_total 5`, `parley_cache_misses_total 3`, `parley_cache_evicted_total 2`, `parley_cache_damaged_total 1`,
		`parley_http_requests_total{code="404",route="GET /v1/jobs/{id}"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// TestMetricsOfOthers: a node that does not lead tells nothing of the cluster, and
// one that cannot ask fails rather than telling less.
func TestMetricsOfOthers(t *testing.T) {
	f := cluster()
	c := Config{Reporter: f, Director: f, Follower: f, Leads: func() bool { return false }}
	if w := ask(New(c), "GET", "/metrics", ""); w.Code != 200 || strings.Contains(w.Body.String(), "parley_cluster") || strings.Contains(w.Body.String(), "parley_job_") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.err = errors.New("down")
	if w := ask(f.handler(), "GET", "/metrics", ""); w.Code != 500 || !strings.Contains(w.Body.String(), "down") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

var (
	sample = regexp.MustCompile(`(?m)^(parley_\w+)(?:\{(.*)\})? \S+$`)
	label  = regexp.MustCompile(`(\w+)="`)
)

// TestMetricsAreListed compares docs/metrics.md with what a node tells.
func TestMetricsAreListed(t *testing.T) {
	doc, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	listed, told := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.HasPrefix(cells[1], " `parley_") {
			continue
		}
		name, unit := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[4])
		listed[name] = sorted(strings.Split(strings.TrimSpace(cells[2]), ", "))
		for _, base := range []string{"seconds", "bytes"} {
			if strings.HasSuffix(name, "_"+base) != (unit == base) {
				t.Errorf("the unit of %s is listed as %q", name, unit)
			}
		}
	}
	for _, s := range sample.FindAllStringSubmatch(scrape(t, cluster()), -1) {
		var labels []string
		for _, l := range label.FindAllStringSubmatch(s[2], -1) {
			labels = append(labels, l[1])
		}
		told[s[1]] = sorted(labels)
	}
	for name, labels := range told {
		if l, ok := listed[name]; !ok || l != labels {
			t.Errorf("the node tells %s with labels %q; in docs/metrics.md: %t, with %q", name, labels, ok, l)
		}
	}
	for name := range listed {
		if _, ok := told[name]; !ok {
			t.Errorf("docs/metrics.md lists %s, which no node tells", name)
		}
	}
}

func sorted(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
