package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/export"
)

func modelExportCommand() *cobra.Command {
	var to, out string
	formats := strings.Join(export.Names(), ", ")
	c := &cobra.Command{Use: "export MODEL --to FORMAT --out FILE", Short: "Write a model as a file that other tools read", Args: takes("MODEL"), ValidArgsFunction: arguments(folders),
		Long: `Export checks that a model is whole and writes it in one of the formats
  liblinear    a model file of liblinear (logistic, hinge, softmax, linear)
  npz          NumPy arrays: all tensors, labels, names of columns
  onnx         a graph for ONNX runtimes (mlp)
  csv          a line a column: its name, or feature id, and its weight or weights; the first is the bias
  safetensors  the tensors alone
FILE is replaced when it is there, and appears when it is whole.

Exit codes: 0 done; 1 the model is damaged; 2 usage, there is no model, or the format has no place for one of its kind.`,
		Example: `  parley model export runs/a9a --to liblinear --out a9a.model
  parley model export runs/a9a --to csv --out weights.csv`}
	c.Flags().StringVar(&to, "to", "", "format: "+formats)
	values(c, "to", oneOf(export.Names()...))
	c.Flags().StringVar(&out, "out", "", "file to write to")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if to == "" || out == "" {
			return exit(exitUsage, fmt.Errorf("give --to FORMAT (%s) and --out FILE", formats))
		}
		return exportModel(c.Context(), args[0], to, out)
	})
	return c
}

// exportModel writes the file under another name and renames it.
func exportModel(ctx context.Context, model, to, out string) error {
	format, err := export.Find(to)
	if err != nil {
		return err
	}
	if strings.Contains(out, "://") {
		return exit(exitUsage, errors.New("--out "+out+": export writes files of this machine alone: choose one"))
	}
	if _, err := (&destination{name: out}).exists(""); err != nil { // or is no regular file
		return err
	}
	dir, done, err := localModel(ctx, model)
	if err != nil {
		return err
	}
	defer done()
	m, err := artifact.Verify(dir)
	if err != nil {
		return err
	}
	f, err := pendingFile(out)
	if err != nil {
		return err
	}
	defer f.abort()
	if err := format.Write(f, m); err != nil {
		return err
	}
	if format.Name == "liblinear" && m.ZeroBased {
		fmt.Fprintln(os.Stderr, "parley: the feature ids of the model's data start at 0, and liblinear's at 1: add 1 to those of the rows that it is to read")
	}
	return f.commit()
}
