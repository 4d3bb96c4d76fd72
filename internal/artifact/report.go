package artifact

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/google/renameio/v2"

	"parley/internal/param"
)

// Report is report.json: how a job went and what came out of it.
type Report struct {
	Job             string      `json:"job"`    // its name
	Parley          string      `json:"parley"` // version
	ModelSHA256     string      `json:"model_sha256"`
	DataSHA256      string      `json:"data_sha256"`
	PlanSHA256      string      `json:"plan_sha256"`
	Reproducible    bool        `json:"reproducible"` // true in bsp
	Consistency     string      `json:"consistency"`  // bsp, ssp or asp
	Kernels         string      `json:"kernels"`      // avx2 or portable
	Rows            int64       `json:"rows"`         // trained on in an epoch
	Columns         int64       `json:"columns"`
	Epochs          int         `json:"epochs"`
	Rounds          uint64      `json:"rounds"`
	Objective       float64     `json:"objective"` // on the training data, with the penalty
	Metrics         Metrics     `json:"metrics"`
	Evaluation      Evaluations `json:"evaluation,omitzero"` // of models of classes
	Topics          []Topic     `json:"topics,omitempty"`    // of lsi, the largest singular value first
	Seconds         Seconds     `json:"seconds"`
	RowsPerSecond   float64     `json:"rows_per_second"` // rows · epochs / seconds.train
	Bytes           Bytes       `json:"bytes"`
	Nodes           int         `json:"nodes"`    // that took part
	Restarts        int         `json:"restarts"` // of workers, placed anew after a failure
	QuarantinedRows int64       `json:"quarantined_rows"`
	UnknownFeatures int64       `json:"unknown_features"` // values of the test data in columns that training never saw
}

// Topic is a singular value σ, and ‖Aᵀu - σv‖/σ₁ of it and its vectors.
type Topic struct {
	SingularValue float64 `json:"singular_value"`
	Residual      float64 `json:"residual"`
}

// Metrics are the final metrics. Test is empty without test data, Holdout
// without rows held out.
type Metrics struct {
	Train   Values `json:"train"`
	Test    Values `json:"test,omitempty"`
	Holdout Values `json:"holdout,omitempty"`
}

// Evaluations are what the metrics of each set of rows follow from, where people
// want to see more of it than numbers by name.
type Evaluations struct {
	Train   *Evaluation `json:"train,omitempty"`
	Test    *Evaluation `json:"test,omitempty"`
	Holdout *Evaluation `json:"holdout,omitempty"`
}

// Evaluation is of the rows of one set. Calibration is of models that predict
// probabilities.
type Evaluation struct {
	Confusion   *Confusion       `json:"confusion,omitempty"`
	Calibration []CalibrationBin `json:"calibration,omitempty"`
}

// Confusion counts rows by their class, which is the row of Counts, and the
// predicted one, its column; both in the order of Labels.
type Confusion struct {
	Labels []string  `json:"labels"`
	Counts [][]int64 `json:"counts"`
}

// CalibrationBin is the rows whose probability is above From and at most To, and
// of the first bin those of 0 too.
type CalibrationBin struct {
	From            float64 `json:"from"`
	To              float64 `json:"to"`
	Rows            int64   `json:"rows"`
	Positives       int64   `json:"positives"`
	MeanProbability float64 `json:"mean_probability"` // 0 without rows
}

// Seconds are wall times of a job.
type Seconds struct {
	Total    float64 `json:"total"`
	Profile  float64 `json:"profile"`
	Train    float64 `json:"train"`
	Evaluate float64 `json:"evaluate"`
}

// Bytes count what trainers exchanged with servers.
type Bytes struct {
	Pushed int64 `json:"pushed"`
	Pulled int64 `json:"pulled"`
}

// Values are metrics by name. A value that is not finite (the AUC of a single
// class) is null in JSON, which has no NaN.
type Values map[string]float64

// MarshalJSON writes the values in the order of their names.
func (v Values) MarshalJSON() ([]byte, error) {
	out := make(map[string]*float64, len(v))
	for name, value := range v {
		out[name] = nil
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			out[name] = &value
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads null as NaN.
func (v *Values) UnmarshalJSON(text []byte) error {
	var in map[string]*float64
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*v = make(Values, len(in))
	for name, value := range in {
		(*v)[name] = math.NaN()
		if value != nil {
			(*v)[name] = *value
		}
	}
	return nil
}

// WriteReport writes output/report.json in one step; the folder must exist.
func WriteReport(output string, r *Report) error {
	text, err := marshal(r)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	err = renameio.WriteFile(filepath.Join(output, ReportFile), text, 0o644, renameio.WithTempDir(output))
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// ReadReport reads output/report.json.
func ReadReport(output string) (*Report, error) {
	name := filepath.Join(output, ReportFile)
	text, err := readBounded(name, maxModelJSON)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: %w", name, err)
	}
	return r, nil
}

// WriteJob writes output/job.json, the job in canonical form, by which it can be
// resumed.
func WriteJob(output string, canonical []byte) error {
	err := renameio.WriteFile(filepath.Join(output, JobFile), canonical, 0o644, renameio.WithTempDir(output))
	if err != nil {
		return fmt.Errorf("write job: %w", err)
	}
	return nil
}

// ReadJob reads output/job.json. The error is fs.ErrNotExist where there is none.
func ReadJob(output string) ([]byte, error) {
	return readBounded(filepath.Join(output, JobFile), maxModelJSON)
}
