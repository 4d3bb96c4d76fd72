package coordinator

import (
	"fmt"
	"math"
	"strconv"

	"parley/internal/param"
	"parley/internal/plan"
)

// judge stops a job early: after each epoch the model is evaluated, and when the
// metric was no better for so many epochs in a row the job ends with the best of
// them. All of it follows from the scores, which are the same bits whenever they are
// taken: so a rewind, or a resumed job, decides alike.
type judge struct {
	scores []Score // after epoch i+1
	best   int     // the epoch with the best score, from 1; 0 for none
	over   bool    // the model is that of epoch best
}

// Score is a metric with all of its bits, NaN and Inf too, in JSON.
type Score float64

// MarshalText implements [encoding.TextMarshaler].
func (s Score) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'g', -1, 64), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Score) UnmarshalText(text []byte) error {
	x, err := strconv.ParseFloat(string(text), 64)
	*s = Score(x)
	return err
}

// judging reports whether the evaluation that is going on is one between epochs.
func (m *Machine) judging() bool { return m.job.Run.Stop != nil && !m.judge.over }

// target returns the round that the workers go to next: the end of the epoch that
// is to be judged, or of the run.
func (m *Machine) target() param.Round {
	switch {
	case m.ended > 0:
		return m.ended
	case m.job.Run.Stop == nil:
		return m.plan.Rounds
	case m.judge.over:
		return m.plan.PerEpoch * param.Round(m.judge.best)
	}
	return m.plan.PerEpoch * param.Round(len(m.judge.scores)+1)
}

// epochsDone returns the epochs that the model has at the end.
func (m *Machine) epochsDone() int { return int(m.target() / m.plan.PerEpoch) }

// judgedSet is the data that decides.
func (m *Machine) judgedSet() plan.Set {
	if m.test != nil {
		return plan.SetTest
	}
	return plan.SetHoldout
}

// verdict takes the score of an epoch and goes on to the next, or to the end.
func (m *Machine) verdict() {
	sums, err := m.metrics()
	if err != nil {
		m.fail(err)
		return
	}
	stop, metrics := m.job.Run.Stop, sums[m.judgedSet()].Metrics()
	x, ok := metrics[stop.Metric]
	if !ok { // it is left out where it is no number
		x = math.NaN()
	}
	m.score(Score(x))
	j := &m.judge
	n := len(j.scores)
	m.note(Event{Kind: "evaluation", Epoch: n, Set: m.judgedSet(), Metrics: metrics, Message: fmt.Sprintf("epoch %d, %s", n, describeMetrics(m.judgedSet(), metrics))})
	m.units = nil
	if n < m.job.Run.Epochs && n-j.best < stop.Patience {
		m.onwards()
		return
	}
	j.over = true
	m.note(Event{Kind: "stop", Epoch: j.best, Message: fmt.Sprintf("%s was best after epoch %d, of %d: its model is kept", stop.Metric, j.best, n)})
	if j.best == n {
		m.startEvaluation()
		return
	}
	m.back(param.Version(m.target()))
}

// score notes the metric of an epoch.
func (m *Machine) score(x Score) {
	j, stop := &m.judge, m.job.Run.Stop
	j.scores = append(j.scores, x)
	if j.best == 0 {
		j.best = 1
		return
	}
	gain := j.scores[j.best-1] - x
	if stop.HigherIsBetter() {
		gain = -gain
	}
	if math.IsNaN(float64(j.scores[j.best-1])) || float64(gain) > stop.MinDelta {
		j.best = len(j.scores)
	}
}

// onwards goes on with the next epoch on the ranges as they are.
func (m *Machine) onwards() {
	m.phase = Training
	for _, w := range m.workers {
		w.standing, w.node, w.target = homeless, "", ""
	}
	m.advance()
}

// back goes to the newest checkpoint that is not beyond a version, and trains up to
// it from there.
func (m *Machine) back(v param.Version) {
	b := &m.backup
	for len(b.done) > 0 && b.newest().Version > v {
		b.done = b.done[:len(b.done)-1]
	}
	m.rewind()
	m.beyond = 0
}

// restoreScores takes the scores that a checkpoint was written with, up to its
// version.
func (m *Machine) restoreScores(scores []Score, v param.Version) {
	m.judge = judge{}
	if m.job.Run.Stop == nil {
		return
	}
	for i, x := range scores {
		if m.plan.PerEpoch*param.Round(i+1) <= param.Round(v) {
			m.score(x)
		}
	}
}
