package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/internal/artifact"
	"parley/trainer/linear"
)

func predictCommand() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "predict MODEL PATH",
		Short: "Predict each row of a dataset, one prediction a line",
		Long: `Predict reads rows in the format that the model was trained on and writes one prediction a
line: the probability of the positive class (logistic) or the mean (linear). Features that the
model does not know are ignored and counted.`,
		Example: `  parley predict runs/a9a a9a.t.svm.zst --out predictions.txt
  parley predict runs/a9a 'new/*.svm.gz' | head`,
		Args: takes("MODEL", "PATH"),
	}
	c.Flags().StringVar(&format, "format", "libsvm", "format of the rows")
	c.Flags().StringVar(&out, "out", "", "file to write to (default: standard output)")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if format != "libsvm" {
			return exit(exitUsage, fmt.Errorf("--format %s is not yet supported: libsvm is", format))
		}
		return predictTo(c.Context(), args[0], args[1], out)
	})
	return c
}

// predictTo writes the predictions to a file that has its name when it is whole,
// or to standard output.
func predictTo(ctx context.Context, model, path, out string) error {
	if out == "" {
		return predict(ctx, os.Stdout, model, path)
	}
	f, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o644))
	if err != nil {
		var e *fs.PathError
		if errors.As(err, &e) {
			err = e.Err // the path is that of a temporary file
		}
		return exit(exitUsage, fmt.Errorf("--out %s: cannot write there: %w: choose another file", out, err))
	}
	defer f.Cleanup()
	if err := predict(ctx, f, model, path); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

func predict(ctx context.Context, out io.Writer, path, data string) error {
	m, err := artifact.Open(path)
	if err != nil {
		return err
	}
	weights, err := readWeights(m)
	if err != nil {
		return err
	}
	model, err := linear.New(m.Kind, 1, nil)
	if err != nil {
		return err
	}
	set, err := datashard.Open(ctx, datashard.Source{Path: data, Format: "libsvm"}, datashard.Options{})
	if err != nil {
		return err
	}
	defer set.Close()
	manifest, err := set.ProfileAs(ctx, m.ZeroBased)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	var line []byte
	var predictions []float32
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
		predictions = model.Predict(predictions[:0], rows, weights)
		for _, p := range predictions {
			line = append(strconv.AppendFloat(line[:0], float64(p), 'g', -1, 32), '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	if unknown > 0 {
		fmt.Fprintf(os.Stderr, "parley: %d values in columns beyond the model's %d were ignored\n", unknown, m.Columns)
	}
	return w.Flush()
}

// readWeights returns the weights of a linear model, then its bias.
func readWeights(m *artifact.Model) ([]float32, error) {
	file, err := m.Params()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	weights, err := file.Float32("weights")
	if err != nil {
		return nil, err
	}
	bias, err := file.Float32("bias")
	return append(weights, bias...), err
}
