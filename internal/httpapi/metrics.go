package httpapi

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the endpoint tells Prometheus. docs/metrics.md says what each
// means.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	streams  prometheus.Gauge
	dropped  prometheus.Counter
}

// scrapes bounds the scrapes at a time: each asks the coordinator.
const scrapes = 8

func newMetrics(c Config) *metrics {
	start := time.Now()
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_http_requests_total", Help: "Requests that were answered, by route and status code."}, []string{"route", "code"}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_http_event_streams", Help: "Event streams that are open."}),
		dropped:  prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_http_dropped_streams_total", Help: "Event streams that were ended because the client did not read."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_node_info", Help: "1, with the node's name and Parley's version.", ConstLabels: prometheus.Labels{"node": c.Node, "version": c.Version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.streams, m.dropped, info, clusterCollector{c}, storeCollector{c},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_node_uptime_seconds", Help: "Time since the node was started."}, func() float64 { return time.Since(start).Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_node_ready", Help: "1 when the node can take part in jobs, else 0."}, func() float64 { return truth(c.Reporter.Ready() == nil) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// handler answers scrapes. When the coordinator does not answer the scrape fails,
// so that it shows.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

// count counts the requests.
func (m *metrics) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c := &coded{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(c, q)
		m.requests.WithLabelValues(cmp.Or(q.Pattern, "refused"), strconv.Itoa(c.code)).Inc()
	})
}

// coded remembers the status code.
type coded struct {
	http.ResponseWriter
	code int
}

func (c *coded) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (c *coded) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// clusterCollector asks the coordinator with each scrape.
type clusterCollector struct{ Config }

var (
	membersDesc = prometheus.NewDesc("parley_cluster_members", "Nodes that have a lease, by role; a node counts for each of its roles.", []string{"role"}, nil)
	awaitedDesc = prometheus.NewDesc("parley_job_awaited", "1 for each that the job waits for, in the words of its status; none of one that is over.", []string{"parley_job", "owner"}, nil)
	jobsDesc    = prometheus.NewDesc("parley_cluster_jobs", "Jobs that the coordinator remembers, by phase.", []string{"phase"}, nil)
)

// jobMetric is a metric of each job.
type jobMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Job) float64
}

func ofJob(name, help string, kind prometheus.ValueType, value func(*Job) float64) jobMetric {
	return jobMetric{prometheus.NewDesc("parley_job_"+name, help, []string{"parley_job"}, nil), kind, value}
}

// Rounds, rows and epochs go back when a job goes back to a checkpoint: they are
// gauges.
var jobMetrics = []jobMetric{
	ofJob("rounds", "Rounds that all parameters have.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Round) }),
	ofJob("planned_rounds", "Rounds that the job is to have, 0 before its data was read.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Rounds) }),
	ofJob("rows", "Rows learned from.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Rows) }),
	ofJob("epoch", "The epoch that runs, from 1.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Epoch) }),
	ofJob("planned_epochs", "Epochs that the job is to have.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Epochs) }),
	ofJob("loss", "Progressive loss of the epoch that runs, NaN while there is none.", prometheus.GaugeValue, lossOf),
	ofJob("pushed_bytes", "Bytes of values that workers pushed.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Pushed) }),
	ofJob("pulled_bytes", "Bytes of values that workers pulled.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Pulled) }),
	ofJob("running_seconds", "Time since the job began, to its end; of one that is queued since it was submitted.", prometheus.GaugeValue, func(j *Job) float64 { return j.Seconds }),
	ofJob("waiting_seconds", "Time for which the same nodes have been waited for with the same reason, 0 of a job that is over.", prometheus.GaugeValue, waitOf),
	ofJob("checkpoint_age_seconds", "Training since what the last checkpoint holds, 0 while the job does not train or is to have none.", prometheus.GaugeValue, func(j *Job) float64 { return j.Unsaved }),
	ofJob("checkpoint_interval_seconds", "Time between checkpoints, 0 of a job that is to have none.", prometheus.GaugeValue, func(j *Job) float64 { return j.Interval }),
	ofJob("quarantined_rows", "Bad rows that were set aside.", prometheus.GaugeValue, func(j *Job) float64 { return float64(j.Quarantined) }),
	ofJob("restarts_total", "Losses of nodes or workers after which work was placed anew or the job went back.", prometheus.CounterValue, func(j *Job) float64 { return float64(j.Restarts) }),
}

func lossOf(j *Job) float64 {
	if j.Loss == nil {
		return math.NaN()
	}
	return *j.Loss
}

func waitOf(j *Job) float64 {
	if j.Over() {
		return 0
	}
	return j.Since
}

// Describe implements prometheus.Collector.
func (c clusterCollector) Describe(out chan<- *prometheus.Desc) {
	out <- membersDesc
	out <- jobsDesc
	out <- awaitedDesc
	for _, m := range jobMetrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c clusterCollector) Collect(out chan<- prometheus.Metric) {
	if !c.Leads() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	s, err := c.Reporter.Status(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(membersDesc, err)
		return
	}
	members := map[string]int{"coordinator": 0, "ps": 0, "trainer": 0}
	for _, x := range s.Members {
		for _, role := range x.Roles {
			members[role]++
		}
	}
	for role, n := range members {
		out <- prometheus.MustNewConstMetric(membersDesc, prometheus.GaugeValue, float64(n), role)
	}
	c.collectJobs(s.Jobs, out)
}

func (c clusterCollector) collectJobs(list []Job, out chan<- prometheus.Metric) {
	in := map[string]int{}
	for i := range list {
		j := &list[i]
		in[j.Phase]++
		for _, m := range jobMetrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(j), j.ID)
		}
		if j.Owner == "" || j.Over() {
			continue
		}
		for _, owner := range strings.Split(j.Owner, ", ") {
			out <- prometheus.MustNewConstMetric(awaitedDesc, prometheus.GaugeValue, 1, j.ID, owner)
		}
	}
	for _, p := range phases {
		out <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(in[string(p)]), string(p))
	}
}
