package coordinator

import (
	"fmt"
	"slices"
	"time"

	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// fitting is what the job knows of its data while trainers read it.
type fitting struct {
	train, test         *profile.Findings
	trainScan, testScan *plan.Manifest
}

// startFitting has all rows read, where something must be known of them before
// training: the units of both datasets are spread over the trainers.
func (m *Machine) startFitting(p Profiled) error {
	spec := profile.SpecOf(&m.job.Data)
	f := &fitting{trainScan: p.Train, testScan: p.Test}
	var err error
	if f.train, err = profile.NewFindings(plan.SetTrain, spec, p.Train); err != nil {
		return fmt.Errorf("data.train: %w", err)
	}
	m.addUnits(plan.SetTrain, len(p.Train.Shards))
	if p.Test != nil {
		if f.test, err = profile.NewFindings(plan.SetTest, spec, p.Test); err != nil {
			return fmt.Errorf("data.test: %w", err)
		}
		m.addUnits(plan.SetTest, len(p.Test.Shards))
	}
	m.fitting = f
	m.enter(Fitting)
	m.advance()
	return nil
}

// fit hands out the units that nobody reads, and goes on when all are read.
func (m *Machine) fit() {
	var nodes []param.NodeID
	for _, x := range m.members {
		if x.Trainer {
			nodes = append(nodes, x.Node)
		}
	}
	orders, left := m.dealUnits(nodes)
	if left == 0 {
		m.endFitting()
		return
	}
	for _, node := range nodes {
		if len(orders[node]) > 0 {
			m.send(node, Order{Fit: orders[node]})
		}
	}
}

// Fitted takes what was found in a unit, once.
func (m *Machine) Fitted(now time.Time, node param.NodeID, f Fitted) {
	m.now = now
	u := m.unit(f.Unit)
	if m.phase != Fitting || u == nil || u.node != node || u.Term != f.Unit.Term || u.done {
		return
	}
	findings, key := m.fitting.train, "data.train"
	if u.Set == plan.SetTest {
		findings, key = m.fitting.test, "data.test"
	}
	switch {
	case f.Err == nil:
		if err := findings.Decode(f.Fit, f.Bad); err != nil {
			m.fail(m.at(node, fmt.Errorf("%s: %w", key, err)))
			return
		}
		u.done = true
	case !mayGoAway(f.Err) || u.failures+1 >= m.limits.Tries:
		m.fail(m.at(node, fmt.Errorf("%s: %w", key, f.Err)))
		return
	default:
		u.failures++
		u.node = ""
	}
	m.advance()
}

// endFitting makes the final manifests of what was found.
func (m *Machine) endFitting() {
	f := m.fitting
	m.fitting, m.units = nil, nil
	train, err := f.train.Train(f.trainScan)
	if err != nil {
		m.fail(fmt.Errorf("data.train: %w", err))
		return
	}
	m.quarantine(f.train)
	var test *plan.Manifest
	if f.test != nil {
		if test, err = f.test.Test(f.testScan, train); err != nil {
			m.fail(fmt.Errorf("data.test: %w", err))
			return
		}
		m.quarantine(f.test)
	}
	m.begin(train, test)
}

// quarantineRows bounds the rows of one event: it has to fit into a message.
const quarantineRows = 4096

// quarantine tells of the rows that are set aside.
func (m *Machine) quarantine(f *profile.Findings) {
	all := f.Bad()
	for at := 0; at < len(all); at += quarantineRows {
		rows := all[at:min(at+quarantineRows, len(all))]
		text := fmt.Sprintf("%d bad rows of the %s data are set aside", len(all), rows[0].Set)
		if len(rows) < len(all) {
			text += fmt.Sprintf(": %d to %d of them", at+1, at+len(rows))
		}
		m.note(Event{Kind: "quarantine", Set: rows[0].Set, Rows: rows, Message: text})
	}
}

// Scans returns the manifests to read the units by, while the job is fitting.
func (m *Machine) Scans() (train, test *plan.Manifest) {
	if m.fitting == nil {
		return nil, nil
	}
	return m.fitting.trainScan, m.fitting.testScan
}

func (m *Machine) unit(u plan.Unit) *unit {
	i := slices.IndexFunc(m.units, func(x *unit) bool { return x.Set == u.Set && x.Number == u.Number })
	if i < 0 {
		return nil
	}
	return m.units[i]
}

// dealUnits spreads the units that nobody has over nodes, each under a new term,
// and returns how many are not done.
func (m *Machine) dealUnits(nodes []param.NodeID) (orders map[param.NodeID][]plan.Unit, left int) {
	var open []*unit
	for _, u := range m.units {
		if u.done {
			continue
		}
		left++
		if u.node == "" {
			open = append(open, u)
		}
	}
	orders = map[param.NodeID][]plan.Unit{}
	for i, node := range Place(m.id, nodes, make([]param.NodeID, len(open))) {
		if node == "" {
			continue
		}
		u := open[i]
		u.node = node
		u.Term++
		orders[node] = append(orders[node], u.Unit)
	}
	return orders, left
}
