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
	train, test         *profile.Findings // chores alone touch them
	trainScan, testScan *plan.Manifest
	concluding          bool
}

// A Chore is work that is too long for a step of the machine: the driver calls Do,
// one chore after the other in their order and away from whatever it holds, and
// then Then as it calls other inputs. The chores of a job that is over need not be
// done.
type Chore struct {
	Do   func() error
	Then func(now time.Time, err error)
}

// TakeChores returns the chores since the last call.
func (m *Machine) TakeChores() []Chore {
	chores := m.chores
	m.chores = nil
	return chores
}

// chore adds a chore. then is for one that went well; an error ends the job.
func (m *Machine) chore(do func() error, then func()) {
	m.chores = append(m.chores, Chore{Do: do, Then: func(now time.Time, err error) {
		m.now = now
		switch {
		case m.over():
		case err != nil:
			m.fail(err)
		default:
			then()
		}
	}})
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
	nodes = within(m.bounds.Trainers, nodes, m.load, m.otherWorkers)
	orders, left := m.dealUnits(nodes)
	if left == 0 {
		m.conclude()
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
		m.chore(func() error {
			if err := findings.Decode(f.Fit, f.Bad); err != nil {
				return m.at(node, fmt.Errorf("%s: %w", key, err))
			}
			return nil
		}, func() {})
		u.done = true
	case !mayGoAway(f.Err) || u.failures+1 >= m.limits.Tries:
		m.fail(m.at(node, f.Err)) // which names the dataset
		return
	default:
		u.failures++
		u.node = ""
	}
	m.advance()
}

// conclude has the final manifests made of what was found, and begins then.
func (m *Machine) conclude() {
	f := m.fitting
	if f.concluding {
		return
	}
	f.concluding = true
	var train, test *plan.Manifest
	m.chore(func() (err error) {
		train, test, err = f.manifests()
		return err
	}, func() {
		m.fitting, m.units = nil, nil
		m.quarantine(f.train)
		if f.test != nil {
			m.quarantine(f.test)
		}
		m.begin(train, test)
	})
}

func (f *fitting) manifests() (train, test *plan.Manifest, err error) {
	if train, err = f.train.Train(f.trainScan); err != nil {
		return nil, nil, fmt.Errorf("data.train: %w", err)
	}
	if f.test == nil {
		return train, nil, nil
	}
	if test, err = f.test.Test(f.testScan, train); err != nil {
		return nil, nil, fmt.Errorf("data.test: %w", err)
	}
	return train, test, nil
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
	for i, node := range Place(m.id, nodes, make([]param.NodeID, len(open)), m.otherWorkers) {
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
