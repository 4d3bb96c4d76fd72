package coordinator

import (
	"fmt"
	"time"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

// profile asks a trainer to read the data as soon as there are a trainer and a
// server, and again when that trainer was lost. When there are no more of one of
// them, the job waits as it did at first.
func (m *Machine) profile() {
	server := false
	var trainers []param.NodeID
	for _, x := range m.members {
		server = server || x.Server
		if x.Trainer {
			trainers = append(trainers, x.Node)
		}
	}
	if !server || len(trainers) == 0 {
		if m.phase == Profiling {
			m.profiler = ""
			m.enter(Waiting)
		}
		return
	}
	if m.profiler != "" {
		return
	}
	m.profiler = Place(m.id, trainers, make([]param.NodeID, 1), m.otherWorkers)[0]
	m.enter(Profiling)
	m.send(m.profiler, Order{Profile: &Profile{}})
}

// Profiled takes the manifests. An error ends the job: the data is what the user
// gave, and another node would see the same.
func (m *Machine) Profiled(now time.Time, node param.NodeID, p Profiled) {
	m.now = now
	if m.phase != Profiling || node != m.profiler {
		return
	}
	if p.Err == nil {
		p.Err = checkManifests(p.Train, p.Test)
	}
	if p.Err != nil {
		m.fail(m.at(node, p.Err))
		return
	}
	if p.Fit {
		if err := m.startFitting(p); err != nil {
			m.fail(err)
		}
		return
	}
	m.begin(p.Train, p.Test)
}

// begin plans the job over its final manifests and places the ranges.
func (m *Machine) begin(train, test *plan.Manifest) {
	made := plan.New(m.job, train)
	if err := checkData(made, test); err != nil {
		m.fail(err)
		return
	}
	m.train, m.test, m.plan = train, test, made
	m.note(Event{Kind: "profile", Node: m.profiler, Message: describeData(train)})
	m.servers, m.ranges = make([]param.NodeID, len(made.Ranges)), make([]RangeStatus, len(made.Ranges))
	m.workers = make([]*worker, m.job.Run.Workers)
	for i := range m.workers {
		m.workers[i] = &worker{id: param.Worker(i)}
	}
	m.enter(Preparing)
	m.advance()
}

// describeData tells the size of the data.
func describeData(m *plan.Manifest) string {
	text := fmt.Sprintf("%d rows, %d columns", m.Rows, m.Columns)
	if m.Nonzeros > 0 {
		text += fmt.Sprintf(", %d nonzeros", m.Nonzeros)
	}
	return text
}

func (m *Machine) rangesOf(node param.NodeID) (ids []param.RangeID) {
	for i, n := range m.servers {
		if n == node {
			ids = append(ids, param.RangeID(i))
		}
	}
	return ids
}

// serverNodes returns the nodes that hold ranges, each once.
func (m *Machine) serverNodes() (nodes []param.NodeID) {
	for _, x := range m.members {
		if len(m.rangesOf(x.Node)) > 0 {
			nodes = append(nodes, x.Node)
		}
	}
	return nodes
}

// addresses returns the servers' addresses by range.
func (m *Machine) addresses() []string {
	binds := make([]string, len(m.servers))
	for i, n := range m.servers {
		binds[i] = m.member(n).Bind
	}
	return binds
}

// prepare has the ranges made, gives every trainer manifest and servers, and goes
// on to training when the ranges exist and every trainer has answered.
func (m *Machine) prepare() {
	m.probeServers()
	m.placeRanges()
	if !m.created || m.over() {
		return
	}
	ready := m.rangesMade()
	for _, x := range m.members {
		if x.Trainer && x.trainer == unasked && !x.draining {
			x.trainer = asked
			m.send(x.Node, Order{Prepare: &Prepare{Servers: m.addresses()}})
		}
		ready = ready && x.trainer != asked
	}
	if m.phase == Preparing && ready && len(m.trainers()) > 0 {
		m.enter(Training)
		m.trains()
		m.advance()
	}
}

// Prepared is a trainer's answer to Prepare. Before training, a trainer that
// cannot read the data ends the job; one that joins later gets no workers.
func (m *Machine) Prepared(now time.Time, node param.NodeID, err error) {
	m.now = now
	x := m.member(node)
	if m.over() || x == nil || x.trainer != asked {
		return
	}
	x.trainer = prepared
	if err != nil {
		err = m.at(node, err)
		x.trainer = excluded
		if m.phase == Preparing {
			m.fail(err)
			return
		}
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("%v; it gets no workers", err)})
	}
	m.advance()
}

// checkManifests refuses manifests that no profile makes: they came over the wire,
// and all that follows trusts them.
func checkManifests(train, test *plan.Manifest) error {
	if err := checkManifest(train); err != nil || test == nil {
		return err
	}
	return checkManifest(test)
}

func checkManifest(m *plan.Manifest) error {
	if m == nil || m.Rows < 1 || m.Columns < 0 || m.Columns > plan.MaxColumns || len(m.Files) == 0 || len(m.Labels) > plan.MaxLabels {
		return param.Errorf(param.Invalid, "malformed manifest")
	}
	for _, l := range m.Labels {
		if l.File < 0 || l.File >= len(m.Files) {
			return param.Errorf(param.Invalid, "malformed manifest: a label of file %d of %d", l.File, len(m.Files))
		}
	}
	if l := m.Least; l != nil && (l.File < 0 || l.File >= len(m.Files)) {
		return param.Errorf(param.Invalid, "malformed manifest: a label of file %d of %d", l.File, len(m.Files))
	}
	for i, row := range m.Bad {
		if row < 0 || row >= m.Rows || i > 0 && row <= m.Bad[i-1] {
			return param.Errorf(param.Invalid, "malformed manifest: bad row %d", row)
		}
	}
	rows := int64(0)
	for i, s := range m.Shards {
		if s.ID != param.ShardID(i) || s.FirstRow != rows || s.Rows < 1 || s.Rows > m.Rows-rows {
			return param.Errorf(param.Invalid, "malformed manifest: data shard %d", i)
		}
		rows += s.Rows
	}
	if rows != m.Rows {
		return param.Errorf(param.Invalid, "malformed manifest: %d rows in the shards of %d", rows, m.Rows)
	}
	return nil
}

// checkData holds what the profile found against what the model needs.
func checkData(p *plan.Plan, test *plan.Manifest) error {
	train := p.Train
	if p.TrainRows == 0 {
		return param.Errorf(param.Invalid, "data.holdout: all %d rows are held out: nothing is left to train on", train.Rows)
	}
	switch p.Job.Model.Kind {
	case "logistic", "hinge":
		return checkTwo(p, test)
	case "softmax":
		return checkClasses(p, test)
	case "poisson":
		return checkCounts(p, test)
	case "fm":
		return checkFactors(p, test)
	case "mlp", "wide_deep":
		return checkLayers(p, test)
	case "lsi":
		return checkTopics(p)
	}
	return checkNumbers(p.Job.Model.Kind, train)
}

// checkFactors holds size and labels against a factorization machine.
func checkFactors(p *plan.Plan, test *plan.Manifest) error {
	if p.Keys > plan.MaxColumns {
		return param.Errorf(param.Invalid, "%s: model.kind fm would have %d parameters, %d for each of %d columns, and there may be %d: lower model.rank, or make fewer columns (data.hash.bits, data.text.max_terms)",
			p.Train.Files[0].Path, p.Keys, p.Width, p.Train.Columns, plan.MaxColumns)
	}
	if p.Job.Model.Loss == "logistic" {
		return checkTwo(p, test)
	}
	return checkNumbers("fm with the squared loss", p.Train)
}

// checkLayers holds size and labels against the layers of an mlp.
func checkLayers(p *plan.Plan, test *plan.Manifest) error {
	file, layers, loss := p.Train.Files[0].Path, p.Layers, p.Job.Model.Loss
	if columns := p.Train.Columns; !p.Job.Model.Embeds() && int64(layers[0]) != columns {
		return param.Errorf(param.Invalid, "%s: model.layers %v begin with %d units, and the data has %d columns: begin with %d", file, []int(layers), layers[0], columns, columns)
	}
	if p.Keys > p.MaxKeys() {
		return param.Errorf(param.Invalid, "%s: model.layers %v would have %d parameters, and there may be %d: make the layers smaller (model.layers, model.dim), or fewer columns (data.hash.bits, data.text.max_terms)", file, []int(layers), p.Keys, p.MaxKeys())
	}
	switch loss {
	case "logistic":
		return checkTwo(p, test)
	case "softmax":
		if err := checkClasses(p, test); err != nil {
			return err
		}
		if have, last := len(p.Train.Labels), layers[layers.Count()]; have != last {
			return param.Errorf(param.Invalid, "%s: model.layers %v end with %d units, and the data has %d classes, %s: end with %d", file, []int(layers), last, have, describeLabels(p.Train), have)
		}
		return nil
	}
	return checkNumbers(p.Job.Model.Kind+" with the loss mse", p.Train)
}

// checkTopics refuses more topics than there can be singular values.
func checkTopics(p *plan.Plan) error {
	topics, rows, columns := int64(p.Job.Model.Topics), p.TrainRows, p.Train.Columns
	switch file := p.Train.Files[0].Path; {
	case topics > min(rows, columns):
		return param.Errorf(param.Invalid, "%s: model.topics %d: a matrix of %d rows and %d columns has no more than %d singular values: set it to that or less", file, topics, rows, columns, min(rows, columns))
	case topics*columns > plan.MaxColumns:
		return param.Errorf(param.Invalid, "%s: model.topics %d of %d columns would be %d parameters, and there may be %d: make fewer columns (data.hash.bits, data.text.max_terms)", file, topics, columns, topics*columns, plan.MaxColumns)
	}
	return nil
}

// checkNumbers refuses labels that are names, where a model needs numbers.
func checkNumbers(kind string, m *plan.Manifest) error {
	if m.Least == nil && (m.MoreLabels || len(m.Labels) > 0 && m.Labels[0].Name != "") {
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels that are numbers, and here are names, %s: name another column (data.label.column), or give each its number (data.label.map)", m.Files[0].Path, kind, describeLabels(m))
	}
	return nil
}

// checkCounts refuses labels that count nothing.
func checkCounts(p *plan.Plan, test *plan.Manifest) error {
	train := p.Train
	switch {
	case len(train.Labels) == 0 && !train.MoreLabels:
		return param.Errorf(param.Invalid, "%s: model.kind poisson needs labels, and the data has none: %s", train.Files[0].Path, whereLabels(p.Job.Data.Train))
	case len(train.Labels) == 1 && train.Labels[0].Value == 0 && train.Labels[0].Name == "":
		return param.Errorf(param.Invalid, "%s: model.kind poisson needs labels that are counts, and all of them are 0, so there is no rate to learn: give the data its counts", train.Files[0].Path)
	}
	for _, m := range []*plan.Manifest{train, test} {
		if m != nil && m.Least != nil && m.Least.Value < 0 {
			return param.Errorf(param.Invalid, "%s: model.kind poisson needs labels that are counts, and here is %s: correct it, or use model.kind linear", place(m, m.Least), describeLabel(*m.Least))
		}
	}
	return checkNumbers("poisson", train)
}

// place is where a label was seen first, or the data where nobody has noted that.
func place(m *plan.Manifest, l *plan.Label) string {
	if l.Line == 0 {
		return m.Files[0].Path
	}
	return fmt.Sprintf("%s:%d", m.Files[l.File].Path, l.Line)
}

// checkTwo refuses labels that are not those of two classes.
func checkTwo(p *plan.Plan, test *plan.Manifest) error {
	train, kind := p.Train, p.Job.Model.Kind
	switch n := len(train.Labels); {
	case train.MoreLabels || n > 2:
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels of two classes, and here are %s: use model.kind softmax for several classes or linear for numbers", train.Files[0].Path, kind, describeLabels(train))
	case n == 0:
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels, and the data has none: %s", train.Files[0].Path, kind, whereLabels(p.Job.Data.Train))
	case n < 2:
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels of two classes, and here is one: all rows have the label %s: %s", train.Files[0].Path, kind, describeLabel(train.Labels[0]), otherClass(p.Job.Data.Train))
	}
	return checkTestLabels(train, test)
}

// whereLabels says how rows of a format get labels.
func whereLabels(rows job.Source) string {
	switch rows.Format {
	case "text":
		return "lines of text have no place for them; write jsonl or csv, with a column for the document and one for the label"
	case "vw":
		return "begin each line with its label"
	}
	return "name their column (data.label.column)"
}

// otherClass says what to do where all rows have one label.
func otherClass(rows job.Source) string {
	if (rows.Format == "uci-bow" || rows.Format == "idx") && rows.Labels == "" {
		return "it is what rows have without a file of labels; name it (data.train.labels)"
	}
	return "add rows of the other"
}

func describeLabel(l plan.Label) string {
	if l.Name != "" {
		return fmt.Sprintf("%q", l.Name)
	}
	return fmt.Sprintf("%g", l.Value)
}

func describeLabels(m *plan.Manifest) string {
	if m.MoreLabels {
		return fmt.Sprintf("more than %d", plan.MaxLabels)
	}
	text := fmt.Sprintf("%d (", len(m.Labels))
	for i, l := range m.Labels {
		if i > 0 {
			text += ", "
		}
		if text += describeLabel(l); l.Line > 0 { // else nobody has seen it yet
			text += fmt.Sprintf(" first at %s:%d", m.Files[l.File].Path, l.Line)
		}
		if i == 4 && len(m.Labels) > 5 {
			return text + ", ...)"
		}
	}
	return text + ")"
}
