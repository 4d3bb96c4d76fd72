package coordinator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// atFitting is a job whose units are being read by two trainers.
func atFitting(t *testing.T) *fixture {
	t.Helper()
	f := start(t, parse(t), 1, 2)
	m := manifest(5000, 1, 2) // several units
	m.Sparse = true
	f.Profiled(f.now, f.profiler, Profiled{Train: m, Fit: true})
	f.route()
	if f.Phase() != Fitting || len(f.units) < 2 {
		_, err := f.Ended()
		t.Fatalf("phase %s (%v), %d units", f.Phase(), err, len(f.units))
	}
	return f
}

// fitAll answers all orders to fit.
func (f *fixture) fitAll(bad ...plan.BadRow) {
	f.t.Helper()
	p, err := profile.Compile(profile.SpecOf(&f.job.Data), nil, true, false)
	if err != nil {
		f.t.Fatal(err)
	}
	fit, err := p.NewFit().MarshalBinary()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, id := range f.names {
		for _, o := range f.rules[id].inbox {
			for _, u := range o.Fit {
				f.Fitted(f.now, param.NodeID(id), Fitted{Unit: u, Fit: fit, Bad: bad})
			}
		}
	}
}

// TestLastTrainerDiesFitting: the job goes on when another comes, and does not wait
// for ever when none does.
func TestLastTrainerDiesFitting(t *testing.T) {
	f := atFitting(t)
	f.leave("t1")
	f.leave("t2")
	f.pass(time.Minute)
	f.join("t3", true, false)
	if n := len(f.rules["t3"].inbox); n != 1 || len(f.rules["t3"].inbox[0].Fit) != len(f.units) {
		t.Errorf("the one who came has %d orders", n)
	}
	f.leave("t3")
	f.pass(5*time.Minute + 2*time.Second)
	f.failed("no trainer")
}

// TestStopFitting ends a job whose rows are being read: what was found is let go,
// and what still comes is not taken.
func TestStopFitting(t *testing.T) {
	f := atFitting(t)
	f.Stop(f.now, "enough")
	f.fitAll()
	if f.Phase() != Stopped || f.fitting != nil {
		t.Errorf("phase %s, fitting %v", f.Phase(), f.fitting)
	}
}

// TestMalformedBadRows: the plan looks up bad rows by search.
func TestMalformedBadRows(t *testing.T) {
	for _, bad := range [][]int64{{-1}, {200}, {5, 5}, {6, 5}} {
		f := start(t, parse(t), 1, 1)
		m := manifest(200, 1, 2)
		m.Bad = bad
		f.Profiled(f.now, f.profiler, Profiled{Train: m})
		f.failed("malformed manifest", "bad row")
	}
}

// TestManyBadRows are told in several events, each of which fits into a message.
func TestManyBadRows(t *testing.T) {
	const n = 2*quarantineRows + 7
	f := start(t, parse(t), 1, 1)
	spec := feature.Spec{Quality: &job.Quality{MaxBadRows: n}}
	m := manifest(2*n, 1, 2)
	m.Sparse = true
	findings, err := profile.NewFindings(plan.SetTest, spec, m)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Compile(spec, nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	part := &profile.Part{Fit: p.NewFit()}
	for i := range int64(n) {
		part.Bad = append(part.Bad, plan.BadRow{Row: i})
	}
	if err := findings.Add(part); err != nil {
		t.Fatal(err)
	}
	f.Machine.Take()
	f.quarantine(findings)
	_, events := f.Machine.Take()
	next := int64(0)
	for _, e := range events {
		if len(e.Rows) > quarantineRows || e.Set != plan.SetTest || !strings.HasPrefix(e.Message, fmt.Sprintf("%d bad rows of the test data are set aside: %d to ", n, next+1)) {
			t.Errorf("%d rows of the %s data: %s", len(e.Rows), e.Set, e.Message)
		}
		for _, b := range e.Rows {
			if b.Row != next {
				t.Fatalf("row %d, want %d", b.Row, next)
			}
			next++
		}
	}
	if next != n {
		t.Errorf("%d rows were told of %d", next, n)
	}
}
