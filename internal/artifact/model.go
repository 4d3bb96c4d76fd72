// Package artifact writes and reads what a job leaves behind in its output
// folder: the model (parameters as safetensors, and model.json, which names the
// SHA-256 of every other file), the report and the events. docs/formats/model.md
// has the formats byte by byte.
//
// internal/node saves; predict and the model commands open and verify. A model
// is written beside its place and renamed, so a folder with a model.json is
// complete. Nothing here knows how a model was trained. Values are not safe for
// concurrent use unless their comment says so.
package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/internal/job"
	"parley/internal/param"
)

// Names within an output folder.
const (
	ModelDir   = "model"              // the model's folder, in the output folder
	ModelFile  = "model.json"         // in the model's folder
	ParamsFile = "params.safetensors" // in the model's folder
	ReportFile = "report.json"        // in the output folder
	EventsFile = "events.jsonl"       // in the output folder
	JobFile    = "job.json"           // in the output folder
	// TransformFile says how rows of the model are made of raw rows; VocabularyFile
	// names the columns, one a line. Both are in the model's folder where a model has
	// them.
	TransformFile  = "transform.json"
	VocabularyFile = "vocabulary.txt"
	QuarantineFile = "quarantine.jsonl" // in the output folder: rows that were set aside
)

// Format is the version of model.json that this package writes, and the highest
// it reads.
const Format = 1

// maxModelJSON bounds model.json before it is read.
const maxModelJSON = 16 << 20

// Model is model.json: what the parameters are and what they came from.
type Model struct {
	Format     int               `json:"format"`                // set by Save
	Kind       string            `json:"kind"`                  // as in the job: logistic, linear, …
	Parley     string            `json:"parley"`                // version that trained it
	Job        json.RawMessage   `json:"job"`                   // the job with its defaults filled in
	JobSHA256  string            `json:"job_sha256"`            // of Job as compact JSON; set by Save
	DataSHA256 string            `json:"data_sha256"`           // of the training data, plan.Manifest.SHA256
	PlanSHA256 string            `json:"plan_sha256"`           // plan.Plan.Hash
	Kernels    string            `json:"kernels"`               // avx2 or portable
	Columns    int64             `json:"columns"`               // dimension of a row
	ZeroBased  bool              `json:"zero_based"`            // column = feature id, not id − 1
	Labels     []float32         `json:"labels,omitempty"`      // of the classes, ascending; of two: [negative, positive]
	LabelNames []string          `json:"label_names,omitempty"` // of Labels, where labels are names
	Clip       []float32         `json:"clip,omitempty"`        // least and greatest prediction, of fm
	Tensors    []Tensor          `json:"tensors"`               // in the order of the parameter file
	Metrics    Metrics           `json:"metrics"`               // final
	Files      map[string]string `json:"files"`                 // SHA-256 by name of every other file; set by Save

	dir string
}

// Dir returns the folder that the model was opened from or saved to.
func (m *Model) Dir() string { return m.dir }

// SHA256 returns the hash of the parameter file, the model_sha256 of reports.
func (m *Model) SHA256() string { return m.Files[ParamsFile] }

// Open reads the model.json of a finished model; path is the model's folder or
// the output folder around it. It does not read the parameters (Params does)
// and does not compare hashes (Verify does). Where there is no model the error
// is param.Invalid, where it is damaged param.Corrupt.
func Open(path string) (*Model, error) {
	dir, err := locate(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, ModelFile)
	text, err := readBounded(name, maxModelJSON)
	if err != nil {
		return nil, err
	}
	m := &Model{dir: dir}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: %w", name, err)
	}
	if m.Format > Format {
		return nil, param.Errorf(param.Invalid, "%s: format %d is newer than %d, the newest that this Parley reads: use Parley %s or later",
			name, m.Format, Format, m.Parley)
	}
	if err := m.validate(); err != nil {
		return nil, param.Errorf(param.Corrupt, "%s: %w", name, err)
	}
	return m, nil
}

// locate returns the folder with the model.json that path means.
func locate(path string) (string, error) {
	for _, dir := range []string{path, filepath.Join(path, ModelDir)} {
		_, err := os.Stat(filepath.Join(dir, ModelFile))
		if err == nil {
			return dir, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return "", param.Errorf(param.Invalid, "%s: there is no finished model here: neither %s nor %s is in it",
		path, ModelFile, filepath.Join(ModelDir, ModelFile))
}

// readBounded returns the content of a file of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = param.Errorf(param.Corrupt, "%s: larger than %d bytes", name, limit)
	}
	return text, err
}

// validate reports the first key that cannot be right, so that readers may
// trust sizes and file names.
func (m *Model) validate() error {
	if m.Kind == "" || m.Format < 1 || len(m.Job) == 0 {
		return errors.New("kind, format or job is missing")
	}
	if m.Columns < 0 {
		return fmt.Errorf("columns: %d is negative", m.Columns)
	}
	if err := validateTensors(m.Tensors); err != nil {
		return fmt.Errorf("tensors: %w", err)
	}
	for name := range m.Files {
		if name == ModelFile || name == "." || name == ".." || name == "" || !plainName(name) {
			return fmt.Errorf("files: %.64q is not the name of a file of a model", name)
		}
	}
	if m.SHA256() == "" {
		return fmt.Errorf("files: %s is missing", ParamsFile)
	}
	return m.checkKind()
}

// MadeBy returns the job that made the model.
func (m *Model) MadeBy() (*job.Job, error) {
	var spec bytes.Buffer
	err := json.Compact(&spec, m.Job) // model.json is indented
	if err != nil {
		return nil, fmt.Errorf("%s: job: %w", m.dir, err)
	}
	j, err := job.Decode(spec.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: job: %w", m.dir, err)
	}
	return j, nil
}

// Rank returns the number of factors of a column of fm, 0 of other kinds.
func (m *Model) Rank() int64 {
	if m.Kind != "fm" || len(m.Tensors) != 3 || len(m.Tensors[1].Shape) != 2 {
		return 0
	}
	return m.Tensors[1].Shape[1]
}

// checkKind reports tensors that are not those of the model's kind. Kinds that
// this version does not know pass.
func (m *Model) checkKind() error {
	var want []Tensor
	switch classes := int64(len(m.Labels)); m.Kind {
	case "linear", "logistic", "poisson", "hinge":
		want = []Tensor{{"bias", Float32, []int64{1}}, {"weights", Float32, []int64{m.Columns}}}
		if m.Kind == "hinge" && (classes != 2 || len(m.LabelNames) != 0 && len(m.LabelNames) != 2) {
			return fmt.Errorf("labels: a hinge model has 2 of them, not %d, and names of both or none", classes)
		}
	case "softmax":
		if names := len(m.LabelNames); classes < 2 || names > 0 && names != len(m.Labels) {
			return fmt.Errorf("labels: a softmax model has %d, and %d names of them", classes, names)
		}
		want = []Tensor{{"bias", Float32, []int64{classes}}, {"weights", Float32, []int64{classes, m.Columns}}}
	case "fm":
		if n := len(m.Clip); n != 0 && (n != 2 || !(m.Clip[0] <= m.Clip[1])) {
			return fmt.Errorf("clip: %v is not the least and the greatest prediction", m.Clip)
		}
		if m.Rank() == 0 {
			return errors.New("tensors: an fm model has factors, of a row a column")
		}
		want = []Tensor{{"bias", Float32, []int64{1}}, {"factors", Float32, []int64{m.Columns, m.Rank()}}, {"weights", Float32, []int64{m.Columns}}}
	case "mlp", "wide_deep":
		l, dim := m.Layers()
		if l == nil {
			return fmt.Errorf("tensors: a %s model has the biases and weights of layers", m.Kind)
		}
		if n := len(m.Labels); n > 0 && n != l[l.Count()] && (n != 2 || l[l.Count()] != 1) {
			return fmt.Errorf("labels: there are %d for %d outputs", n, l[l.Count()])
		}
		want = LayerTensors(l, dim)
	case "lsi":
		if len(m.Tensors) == 0 || len(m.Tensors[0].Shape) != 2 {
			return errors.New("tensors: an lsi model begins with its components, of a row a topic")
		}
		k := m.Tensors[0].Shape[0]
		want = []Tensor{{"components", Float32, []int64{k, m.Columns}}, {"residuals", Float32, []int64{k}}, {"singular_values", Float32, []int64{k}}}
	default:
		return nil
	}
	if !slices.EqualFunc(m.Tensors, want, Tensor.equal) {
		return fmt.Errorf("tensors: a %s model of %d columns has %v, not %v", m.Kind, m.Columns, want, m.Tensors)
	}
	return nil
}

// Topics returns how many topics a model of them has, else 0.
func (m *Model) Topics() int {
	if m.Kind != "lsi" {
		return 0
	}
	return int(m.Tensors[0].Shape[0])
}

// Params opens the parameter file and checks that it has the tensors of
// model.json. The caller closes it.
func (m *Model) Params() (*TensorFile, error) {
	path := filepath.Join(m.dir, ParamsFile)
	f, err := OpenTensors(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, param.Errorf(param.Corrupt, "%s is missing", path)
	}
	if err != nil {
		return nil, err
	}
	if got := f.Tensors(); !slices.EqualFunc(got, m.Tensors, Tensor.equal) {
		f.Close()
		return nil, param.Errorf(param.Corrupt, "%s: it has the tensors %v, %s says %v", path, got, ModelFile, m.Tensors)
	}
	return f, nil
}

// Read returns the content of a further file of the model, nil if it has none of
// that name.
func (m *Model) Read(name string) ([]byte, error) {
	if m.Files[name] == "" {
		return nil, nil
	}
	return readBounded(filepath.Join(m.dir, name), maxFile)
}

// maxFile bounds the further files of a model.
const maxFile = 2 << 30

// Vocabulary is the text of a file of column names, one a line. Line breaks in a
// name are written as \n and \r, so that line j names column j.
func Vocabulary(names []string) []byte {
	escape := strings.NewReplacer("\n", `\n`, "\r", `\r`)
	var text bytes.Buffer
	for _, name := range names {
		_, _ = escape.WriteString(&text, name) // to memory
		text.WriteByte('\n')
	}
	return text.Bytes()
}

// labels describes the labels for messages.
func (m *Model) labels() string {
	if len(m.LabelNames) > 0 {
		return fmt.Sprintf("%q", m.LabelNames)
	}
	return fmt.Sprint(m.Labels)
}
