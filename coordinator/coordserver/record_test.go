package coordserver

import (
	"encoding/json"
	"math"
	"testing"

	"parley/coordinator"
	"parley/internal/metric"
	"parley/internal/plan"
)

// TestEvaluationOfNaN: a row of which nothing can be said does not spoil the report.
func TestEvaluationOfNaN(t *testing.T) {
	train := &plan.Manifest{Labels: []plan.Label{{Value: -1}, {Value: 1, Name: "yes"}}}
	for margin, want := range map[float64]string{
		math.NaN(): `{"confusion":{"labels":["-1","yes"],"counts":[[0,1],[1,0]]}}`,
		-700:       "",
	} {
		s := metric.NewSummary(2)
		s.AddClassified([]float64{margin, 3}, []float64{1, 1}, []bool{true, false}, nil)
		x := coordinator.Result{Train: train, Summaries: map[plan.Set]*metric.Summary{plan.SetTest: s}, Metrics: map[plan.Set]map[string]float64{plan.SetTest: s.Metrics()}}
		e := evaluation(x, plan.SetTest)
		text, err := json.Marshal(e)
		if err != nil || want != "" && string(text) != want {
			t.Errorf("margin %v: %v, %s", margin, err, text)
		}
		if want == "" && (len(e.Calibration) != metric.Bins || e.Calibration[9].MeanProbability < 0.95 || e.Calibration[0].Rows != 1) {
			t.Errorf("margin %v: %s", margin, text)
		}
		if evaluation(x, plan.SetTrain) != nil {
			t.Error("there are no rows of training")
		}
	}
}
