package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/internal/artifact"
	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/linalg"
	"parley/internal/node"
)

func predictCommand() *cobra.Command {
	var rows predictRows
	var out string
	var probabilities bool
	c := &cobra.Command{
		Use:   "predict MODEL PATH",
		Short: "Predict each row of a dataset, one prediction a line",
		Long: `Predict reads raw rows, makes features of them as in training, and writes one prediction a line:
the probability of the positive class (logistic), the mean (linear; poisson, of the row's exposure where
the rows have its column), or the label of the predicted class (hinge, whose margins are no probabilities;
softmax and mlp, with --probabilities those of all classes, in the order of the labels in model.json, tab-separated).
Labels may be there, and are not looked at. Features that the model does not know are ignored and counted.

Exit codes: 0 done; 1 the model is damaged; 2 usage, there is no model, or the rows cannot be read.`,
		Example: `  parley predict runs/a9a a9a.t.svm.zst --out predictions.txt
  parley predict runs/a9a 'new/*.svm.gz' | head`,
		Args:              takes("MODEL", "PATH"),
		ValidArgsFunction: arguments(folders, anyFile),
	}
	rowFlags(c, &rows)
	c.Flags().BoolVar(&probabilities, "probabilities", false, "the probabilities of all classes instead of the label (softmax, mlp)")
	c.Flags().StringVar(&out, "out", "", "file to write to (default: standard output)")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		rows.path, rows.named = args[1], c.Flags().Changed("columns")
		lines := func(m *artifact.Model, weights []float32) (lineWriter, error) {
			return linesOf(m, weights, probabilities)
		}
		return predictTo(c.Context(), args[0], rows, lines, out)
	})
	return c
}

// predictRows are the rows to predict, as the command line describes them.
type predictRows struct {
	path, format string
	columns      []string
	named        bool // columns holds, be it empty, instead of those of the job
}

// predictTo writes the predictions to a file that has its name when it is whole,
// or to standard output.
func predictTo(ctx context.Context, model string, rows predictRows, lines linesFor, out string) error {
	if out == "" {
		return predict(ctx, os.Stdout, model, rows, lines)
	}
	f, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o644))
	if err != nil {
		return exit(exitUsage, fmt.Errorf("--out %s: cannot write there: %w: choose another file", out, unnamed(err)))
	}
	defer f.Cleanup()
	if err := predict(ctx, f, model, rows, lines); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

func predict(ctx context.Context, out io.Writer, path string, from predictRows, of linesFor) error {
	m, done, err := openModel(ctx, path)
	if err != nil {
		return err
	}
	defer done()
	weights, err := readWeights(m)
	if err != nil {
		return err
	}
	lines, err := of(m, weights)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	var text []byte
	err = eachShard(ctx, m, from, func(rows *batch.CSR) error {
		text = lines(text[:0], rows)
		_, err := w.Write(text)
		return err
	})
	return errors.Join(err, w.Flush())
}

// eachShard calls f with raw rows as rows of the model, in order.
func eachShard(ctx context.Context, m *artifact.Model, from predictRows, f func(rows *batch.CSR) error) error {
	set, end, err := openFitted(ctx, m, from)
	if err != nil {
		return err
	}
	defer end()
	manifest, err := set.Profile(ctx)
	if err != nil {
		return err
	}
	unknown := 0
	for _, s := range manifest.Shards {
		rows, err := set.Load(ctx, s.ID)
		if err != nil {
			return err
		}
		for _, c := range rows.Columns {
			if int64(c) >= m.Columns {
				unknown++
			}
		}
		if err := f(rows); err != nil {
			return err
		}
	}
	if unknown > 0 {
		fmt.Fprintf(os.Stderr, "parley: %d values in columns beyond the model's %d were ignored\n", unknown, m.Columns)
	}
	return nil
}

// shown returns how a prediction is written: as the number that it is, or, where it
// is a margin, as the label of the class on its side.
func shown(m *artifact.Model) func(line []byte, prediction float32) []byte {
	if m.Kind != "hinge" {
		return appendNumber
	}
	return func(line []byte, margin float32) []byte {
		class := 0
		if margin > 0 {
			class = 1
		}
		return append(line, m.Class(class, len(m.Labels))...)
	}
}

func appendNumber(line []byte, x float32) []byte {
	return strconv.AppendFloat(line, float64(x), 'g', -1, 32)
}

// openFitted opens raw rows of which rows of a model are to be made. end closes
// them.
func openFitted(ctx context.Context, m *artifact.Model, rows predictRows) (set *datashard.Dataset, end func(), err error) {
	source, err := sourceOfModel(m)
	if err != nil {
		return nil, nil, err
	}
	source.Path, source.Unlabeled = rows.path, true
	source.Format = cmp.Or(rows.format, job.FormatOf(rows.path), source.Format)
	if rows.named {
		source.Columns = rows.columns
	}
	remote := node.NewRemote(slog.New(slog.DiscardHandler))
	set, err = datashard.Open(ctx, source, datashard.Options{Remote: remote})
	if err != nil {
		remote.Close()
		return nil, nil, err
	}
	return set, func() { set.Close(); remote.Close() }, nil
}

// readWeights returns the weights of a model as its kind has them in training:
// those of each column, of a class after another, then the bias.
func readWeights(m *artifact.Model) ([]float32, error) {
	file, err := m.Params()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	switch m.Kind {
	case "lsi":
		return readTopics(file)
	case "mlp", "wide_deep":
		return m.LayerKeys(file)
	}
	weights, err := file.Float32("weights")
	if err != nil {
		return nil, err
	}
	bias, err := file.Float32("bias")
	if err != nil {
		return nil, err
	}
	if rank := int(m.Rank()); rank > 0 {
		factors, err := file.Float32("factors")
		return interleave(weights, factors, bias[0], rank), err
	}
	if classes := len(bias); classes > 1 {
		columns := make([]float32, len(weights))
		linalg.Transpose(columns, weights, classes)
		weights = columns
	}
	return append(weights, bias...), nil
}

// readTopics returns the weights of lsi: the topics of each column, then the singular
// values and the residuals.
func readTopics(file *artifact.TensorFile) ([]float32, error) {
	components, err := file.Float32("components")
	if err != nil {
		return nil, err
	}
	values, err := file.Float32("singular_values")
	if err != nil {
		return nil, err
	}
	residuals, err := file.Float32("residuals")
	if err != nil {
		return nil, err
	}
	weights := make([]float32, len(components))
	linalg.Transpose(weights, components, len(values))
	return append(append(weights, values...), residuals...), nil
}

// interleave returns the weight of each column, followed by its factors, and the bias
// with factors of 0.
func interleave(weights, factors []float32, bias float32, rank int) []float32 {
	all := make([]float32, 0, (len(weights)+1)*(1+rank))
	for c, w := range weights {
		all = append(append(all, w), factors[c*rank:(c+1)*rank]...)
	}
	return append(append(all, bias), make([]float32, rank)...)
}
