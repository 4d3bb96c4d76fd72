package coordinator

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// unit is a group of data shards that is read as one, to fit or to evaluate.
type unit struct {
	plan.Unit
	node     param.NodeID // empty: nobody's yet
	done     bool
	summary  *metric.Summary // of an evaluation that is done
	failures int
}

// startEvaluation begins when every worker has seen the last version.
func (m *Machine) startEvaluation() {
	m.enter(Evaluating)
	if !m.judging() {
		m.addUnits(plan.SetTrain, len(m.train.Shards))
	}
	switch {
	case m.test != nil:
		m.addUnits(plan.SetTest, len(m.test.Shards))
	case m.plan.HeldOut > 0:
		m.addUnits(plan.SetHoldout, len(m.train.Shards))
	}
	for _, node := range m.serverNodes() {
		m.send(node, Order{Poll: true})
	}
	m.placeUnits()
}

func (m *Machine) addUnits(set plan.Set, shards int) {
	for i := range plan.Units(shards) {
		m.units = append(m.units, &unit{Unit: plan.Unit{Set: set, Number: i}})
	}
}

// placeUnits hands out the units that nobody has, and goes on when all are done.
func (m *Machine) placeUnits() {
	trainers := m.trainers()
	orders, left := m.dealUnits(trainers)
	if left == 0 {
		m.evaluated()
		return
	}
	for _, node := range trainers {
		if len(orders[node]) > 0 {
			m.send(node, Order{Evaluate: orders[node]})
		}
	}
}

// abandonUnits takes the units from a node that is lost and returns how many.
func (m *Machine) abandonUnits(node param.NodeID) (n int) {
	for _, u := range m.units {
		if u.node == node && !u.done {
			u.node = ""
			n++
		}
	}
	return n
}

// Evaluated takes a unit's summary, once.
func (m *Machine) Evaluated(now time.Time, node param.NodeID, e Evaluated) {
	m.now = now
	u := m.unit(e.Unit)
	if m.phase != Evaluating || u == nil || u.node != node || u.Term != e.Unit.Term || u.done {
		return
	}
	switch {
	case e.Err == nil:
		u.summary, u.done = e.Summary, true
	case !mayGoAway(e.Err) || u.failures+1 >= m.limits.Tries:
		m.fail(m.at(node, fmt.Errorf("evaluate the %s data: %w", u.Set, e.Err)))
		return
	default:
		u.failures++
		u.node = ""
	}
	m.advance()
}

// metrics merges the units' summaries in their order.
func (m *Machine) metrics() (map[plan.Set]*metric.Summary, error) {
	sums := map[plan.Set]*metric.Summary{}
	for _, u := range m.units {
		if sums[u.Set] == nil {
			rows := m.train.Rows
			if u.Set == plan.SetTest {
				rows = m.test.Rows
			}
			sums[u.Set] = metric.NewSummary(rows)
		}
		if err := sums[u.Set].Merge(u.summary); err != nil {
			return nil, fmt.Errorf("evaluation of the %s data: %w", u.Set, err)
		}
	}
	return sums, nil
}

// evaluated goes on when all units are done, and all ranges are known to be where
// they have to be: none moves, since who writes the model is told once where they are.
func (m *Machine) evaluated() {
	if m.moving != nil {
		return // Yielded goes on
	}
	for _, r := range m.ranges {
		if r.Version < param.Version(m.target()) {
			return // the last status is on its way: startEvaluation has asked for it
		}
	}
	if m.judging() {
		m.verdict()
		return
	}
	m.save()
}

// save checks that every row was counted exactly once, and has the model
// written by the server of the first range.
func (m *Machine) save() {
	want := m.plan.TrainRows * int64(m.epochsDone())
	for _, r := range m.ranges {
		if r.Rows != want {
			m.fail(fmt.Errorf("range %d has counted %d rows and not %d: this is a fault of Parley", r.Range, r.Rows, want))
			return
		}
	}
	sums, err := m.metrics()
	if err != nil {
		m.fail(err)
		return
	}
	if !linalg.FiniteScalar(sums[plan.SetTrain].Loss) {
		// Contributions were finite, and their sum in the last round was not.
		m.fail(param.Errorf(param.Diverged, "the loss of the trained model is not a number: the model has diverged: lower optimizer.rate or scale the features"))
		return
	}
	m.enter(Saving)
	m.sums = sums
	metrics := map[plan.Set]map[string]float64{}
	for set, sum := range sums {
		metrics[set] = sum.Metrics()
	}
	for _, set := range []plan.Set{plan.SetTrain, plan.SetTest, plan.SetHoldout} {
		if metrics[set] != nil {
			m.note(Event{Kind: "evaluation", Epoch: m.epochsDone(), Set: set, Metrics: metrics[set], Message: describeMetrics(set, metrics[set])})
		}
	}
	m.send(m.servers[0], Order{Save: &Save{Servers: m.addresses(), Metrics: metrics}})
}

func describeMetrics(set plan.Set, metrics map[string]float64) string {
	text := string(set) + " data:"
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		text += fmt.Sprintf(" %s %.4f", name, metrics[name])
	}
	return text
}

// Saved is the answer to Save, and the end of the job.
func (m *Machine) Saved(now time.Time, node param.NodeID, s Saved) {
	m.now = now
	if m.phase != Saving || m.takeover != nil || node != m.servers[0] {
		return
	}
	if s.Err != nil {
		m.fail(m.at(node, fmt.Errorf("write the model: %w", s.Err)))
		return
	}
	m.saved = s
	m.note(Event{Kind: "saved", Node: node, Message: "model " + s.SHA256})
	m.end(Done, "done")
}
