package coordinator

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// judged is a job that stops early, whose holdout data has the given errors after
// each epoch; it runs to its end and is looked at by do after each epoch.
func judged(t *testing.T, errors []float64, do func(f *fixture, epoch int), overrides ...string) *fixture {
	t.Helper()
	f := start(t, parse(t, append([]string{"run.stop={metric: mse, patience: 2}", "data.holdout=0.2", "run.epochs=8"}, overrides...)...), 2, 2)
	f.scoreOf = func(version param.Version) float64 { return errors[int(param.Round(version)/f.plan.PerEpoch)-1] }
	f.run(Training)
	for epoch := 1; ; epoch++ {
		f.settle()
		if over, err := f.Ended(); over || epoch > 100 {
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		if do != nil {
			do(f, epoch)
			f.settle()
		}
		f.finish()
	}
}

// TestEarlyStop: the job ends when the metric was no better for two epochs, with the
// best one, from wherever it has to go back to.
func TestEarlyStop(t *testing.T) {
	for name, c := range map[string]struct {
		errors []float64
		want   int
	}{
		"better all the time":  {[]float64{8, 7, 6, 5, 4, 3, 2, 1}, 8},
		"worse at once":        {[]float64{1, 2, 3}, 1},
		"better after one":     {[]float64{5, 6, 4, 7, 8}, 3},
		"better by too little": {[]float64{5, 4.95, 4.9}, 1},
		"not a number":         {[]float64{math.NaN(), 5, 6, 7}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := judged(t, c.errors, nil, "run.stop.min_delta=0.2")
			if got := f.Result().Epochs; got != c.want || f.version() != param.Version(f.plan.PerEpoch)*param.Version(c.want) {
				t.Errorf("%d epochs at version %d, want %d", got, f.version(), c.want)
			}
		})
	}
}

// TestEarlyStopDisturbed: a server that dies in any epoch changes no decision.
func TestEarlyStopDisturbed(t *testing.T) {
	errors := []float64{5, 6, 4, 7, 8}
	for at := 1; at <= 6; at++ {
		f := judged(t, errors, func(f *fixture, epoch int) {
			if epoch != at {
				return
			}
			f.leave("s2")
			f.join("s3", false, true)
			f.pass(time.Second)
		})
		if got := f.Result().Epochs; got != 3 {
			t.Errorf("disturbed in epoch %d: %d epochs", at, got)
		}
	}
}

// TestScores survive JSON with all of their bits.
func TestScores(t *testing.T) {
	text, err := json.Marshal([]Score{0.1, Score(math.NaN()), Score(math.Inf(1))})
	var back []Score
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || len(back) != 3 || back[0] != 0.1 || !math.IsNaN(float64(back[1])) || !math.IsInf(float64(back[2]), 1) {
		t.Errorf("%s: %v, %v", text, back, err)
	}
}

// TestResumeJudged: a resumed job knows the scores that its checkpoint has.
func TestResumeJudged(t *testing.T) {
	f := start(t, parse(t, "run.stop={metric: mse}", "data.holdout=0.2"), 1, 1)
	f.run(Training)
	f.restoreScores([]Score{3, 2, 9}, param.Version(2*f.plan.PerEpoch))
	if len(f.judge.scores) != 2 || f.judge.best != 2 || f.target() != 3*f.plan.PerEpoch {
		t.Errorf("judge %+v, target %d", f.judge, f.target())
	}
}

// summary is one of a row with a squared error.
func summary(u plan.Unit, squared float64) *metric.Summary {
	s := metric.NewSummary(1)
	s.Kind, s.Rows, s.Weight, s.SquaredError = metric.Regression, 1, 1, squared
	return s
}
