package coordserver

import (
	"encoding/json"
	"slices"
	"time"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
	parleyv1 "parley/proto/parley/v1"
)

// record is a job with what its watchers are told.
type record struct {
	id      param.JobID
	run     string // the client's name of it, may be empty
	job     *job.Job
	machine *coordinator.Machine
	version string
	spec    []byte // canonical JSON
	// Packed manifests of the training and the test data, made when they are first
	// sent: to fit by, and final.
	scans, manifests [2][]byte
	described, names []byte // the columns, packed when they are first sent: see columns

	submitted time.Time
	written   written

	chores []coordinator.Chore // to be done, in order
	busy   bool                // somebody does them

	events  [][]byte // JSON, lines of events.jsonl
	recent  [][]byte // the last of those that are not epochs, for Status
	changed chan struct{}
	over    bool
	outcome *parleyv1.Outcome
	nodes   map[param.NodeID]bool // that were told to do something
}

// keepEvents bounds the events that are kept of a job; the ones in the middle go
// first, by dropping those of epochs.
const keepEvents = 20000

func newRecord(id param.JobID, j *job.Job, config Config, now time.Time) *record {
	return &record{id: id, job: j, machine: coordinator.New(id, j, config.Limits, now), version: config.Version, submitted: now,
		spec: j.Canonical(), changed: make(chan struct{}), nodes: map[param.NodeID]bool{}}
}

// record keeps events and wakes the watchers.
func (r *record) record(events []coordinator.Event) {
	if len(events) == 0 {
		return
	}
	now := time.Now().UTC()
	for _, e := range events {
		if e.Kind == string(artifact.EventEpoch) && len(r.events) >= keepEvents {
			continue
		}
		line := encodeLine(now, e)
		r.events = append(r.events, line)
		if len(e.Rows) > 0 { // they are for the output folder, and many
			e.Rows = nil
			line = encodeLine(now, e)
		}
		if e.Kind != string(artifact.EventEpoch) {
			r.recent = append(r.recent[max(0, len(r.recent)-statusEvents+1):], line)
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func encodeLine(now time.Time, e coordinator.Event) []byte {
	line, err := json.Marshal(lineOf(now, e))
	if err != nil { // plain values; metrics write NaN as null
		panic("coordserver: event: " + err.Error())
	}
	return line
}

// watchBytes bounds the events of one message of Watch, unless it is a single one.
const watchBytes = 4 << 20

// piece returns events from number told on, as many as a message takes.
func (r *record) piece(told int) [][]byte {
	n, bytes := told, 0
	for n < len(r.events) && (n == told || bytes+len(r.events[n]) <= watchBytes) {
		bytes += len(r.events[n])
		n++
	}
	return r.events[told:n]
}

func lineOf(now time.Time, e coordinator.Event) artifact.Event {
	line := artifact.Event{Time: now, Kind: artifact.EventKind(e.Kind), Message: e.Message, Node: e.Node, Workers: e.Workers, Set: string(e.Set)}
	if e.Epoch > 0 {
		line.Epoch = &e.Epoch
	}
	if e.Round > 0 || len(e.Workers) > 0 {
		line.Round = &e.Round
	}
	line.Metrics, line.Rows = artifact.Values(e.Metrics), e.Rows
	return line
}

// finish makes the outcome of a job that has ended, and lets go of what its status
// does not need: it is remembered for long.
func (r *record) finish(config Config) {
	r.over = true
	r.outcome = &parleyv1.Outcome{}
	if c := r.machine.Newest(); c != nil {
		r.outcome.HasCheckpoint, r.outcome.Checkpoint = true, uint64(c.Version)
	}
	phase := r.machine.Phase()
	_, cause := r.machine.Ended()
	switch phase {
	case coordinator.Done:
		report, err := json.Marshal(r.report())
		if err != nil {
			panic("coordserver: report: " + err.Error())
		}
		r.outcome.Report = report
		r.outcome.Model = r.machine.ModelAt()
	default:
		r.outcome.Fault = &parleyv1.Fault{Kind: int32(param.KindOf(cause)), Message: cause.Error()}
		r.outcome.Stopped = phase == coordinator.Stopped
		r.outcome.Early = r.machine.FaultOfInput()
	}
	r.machine.Forget()
	r.scans, r.manifests, r.described, r.names = [2][]byte{}, [2][]byte{}, nil, nil
	config.Logger.Info("job ended", "job", r.id, "phase", phase, "cause", cause)
	close(r.changed)
	r.changed = make(chan struct{})
}

// report is report.json of a job that is done.
func (r *record) report() *artifact.Report {
	x := r.machine.Result()
	rows := x.Plan.TrainRows
	var topics []artifact.Topic
	for i := range len(x.Measured) / 2 {
		topics = append(topics, artifact.Topic{SingularValue: x.Measured[i], Residual: x.Measured[len(x.Measured)/2+i]})
	}
	return &artifact.Report{
		Job: r.job.Name, Parley: r.version, ModelSHA256: x.SHA256, DataSHA256: x.Train.SHA256, PlanSHA256: x.Plan.Hash(),
		Reproducible: r.job.Run.Consistency == "bsp", Consistency: r.job.Run.Consistency, Kernels: linalg.Kernels(),
		Rows: rows, Columns: x.Train.Columns, Epochs: x.Epochs, Rounds: uint64(x.Plan.PerEpoch) * uint64(x.Epochs), Objective: x.Objective,
		Metrics:       artifact.Metrics{Train: artifact.Values(x.Metrics[plan.SetTrain]), Test: artifact.Values(x.Metrics[plan.SetTest]), Holdout: artifact.Values(x.Metrics[plan.SetHoldout])},
		Seconds:       artifact.Seconds{Total: x.Total.Seconds(), Profile: x.Profile.Seconds(), Train: x.TrainTime.Seconds(), Evaluate: x.EvaluateTime.Seconds()},
		Evaluation:    artifact.Evaluations{Train: evaluation(x, plan.SetTrain), Test: evaluation(x, plan.SetTest), Holdout: evaluation(x, plan.SetHoldout)},
		Topics:        topics,
		RowsPerSecond: float64(rows) * float64(x.Epochs) / max(1e-9, x.TrainTime.Seconds()),
		Bytes:         artifact.Bytes{Pushed: x.Pushed, Pulled: x.Pulled}, Nodes: len(r.nodes), Restarts: x.Restarts,
		UnknownFeatures: x.Unknown, QuarantinedRows: x.Quarantined,
	}
}

// evaluation is what the report has of a set of rows beside its metrics, nil if
// nothing.
func evaluation(x coordinator.Result, set plan.Set) *artifact.Evaluation {
	s := x.Summaries[set]
	if s == nil || len(x.Train.Labels) != 2 || s.Kind != metric.Classification && s.Kind != metric.Separation {
		return nil
	}
	e := &artifact.Evaluation{Confusion: &artifact.Confusion{
		Counts: [][]int64{{s.TrueNegative, s.FalsePositive}, {s.FalseNegative, s.TruePositive}}}}
	for _, l := range x.Train.Labels {
		e.Confusion.Labels = append(e.Confusion.Labels, l.Text())
	}
	if _, finite := x.Metrics[set]["ece"]; !finite { // JSON has no NaN
		return e
	}
	for i, b := range s.Calibration {
		e.Calibration = append(e.Calibration, artifact.CalibrationBin{From: float64(i) / metric.Bins, To: float64(i+1) / metric.Bins,
			Rows: b.Rows, Positives: b.Positives, MeanProbability: b.Sum / float64(max(1, b.Rows))})
	}
	return e
}

// model is model.json as far as the coordinator knows it.
func (r *record) model(metrics map[plan.Set]map[string]float64) *artifact.Model {
	train, p := r.machine.Manifest(), r.machine.Plan()
	m := &artifact.Model{Kind: r.job.Model.Kind, Parley: r.version, Job: r.spec, DataSHA256: train.SHA256, PlanSHA256: p.Hash(),
		Kernels: linalg.Kernels(), Columns: train.Columns, ZeroBased: train.ZeroBased,
		Metrics: artifact.Metrics{Train: artifact.Values(metrics[plan.SetTrain]), Test: artifact.Values(metrics[plan.SetTest]), Holdout: artifact.Values(metrics[plan.SetHoldout])},
		Tensors: []artifact.Tensor{
			{Name: "bias", DType: artifact.Float32, Shape: []int64{int64(p.Width)}},
			{Name: "weights", DType: artifact.Float32, Shape: []int64{train.Columns}},
		}}
	switch r.job.Model.Kind {
	case "lsi":
		k := int64(p.Width)
		m.Tensors = []artifact.Tensor{{Name: "components", DType: artifact.Float32, Shape: []int64{k, train.Columns}},
			{Name: "residuals", DType: artifact.Float32, Shape: []int64{k}}, {Name: "singular_values", DType: artifact.Float32, Shape: []int64{k}}}
	case "fm":
		factors := artifact.Tensor{Name: "factors", DType: artifact.Float32, Shape: []int64{train.Columns, int64(r.job.Model.Rank)}}
		m.Tensors[0].Shape = []int64{1}
		m.Tensors = slices.Insert(m.Tensors, 1, factors)
		m.Clip = plan.Clip(&r.job.Model, train)
		if r.job.Model.Loss == "logistic" {
			m.Labels, m.LabelNames = train.LabelValues(), train.LabelNames()
		}
	case "mlp", "wide_deep":
		m.Tensors = artifact.LayerTensors(p.Layers, r.job.Model.Dim)
		if r.job.Model.Loss != "mse" {
			m.Labels, m.LabelNames = train.LabelValues(), train.LabelNames()
		}
	case "softmax":
		m.Tensors[1].Shape = []int64{int64(p.Width), train.Columns}
		fallthrough
	case "logistic", "hinge":
		m.Labels, m.LabelNames = train.LabelValues(), train.LabelNames()
	}
	return m
}

// files are the further files of the model: what is made of raw rows before they
// are predicted, and the columns' names.
func (r *record) files() map[string][]byte {
	train := r.machine.Manifest()
	files := map[string][]byte{}
	names := train.Names
	if train.Transform != nil {
		files[artifact.TransformFile] = train.Transform
		t := &feature.Transform{}
		if json.Unmarshal(train.Transform, t) == nil && !t.KeepsColumns() { // of our own making
			names = t.Names()
		}
	}
	if (train.Sparse || train.Transform != nil) && int64(len(names)) == train.Columns {
		files[artifact.VocabularyFile] = artifact.Vocabulary(names)
	}
	return files
}
