package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/datashard/convert"
	"parley/internal/agent"
	"parley/internal/artifact"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/node"
)

// convertOptions are the flags of parley data convert.
type convertOptions struct {
	job, model, format, labels, vocab string
	bits                              int
	force                             bool
}

func dataConvertCommand() *cobra.Command {
	var o convertOptions
	c := &cobra.Command{
		Use:   "convert SRC DST",
		Short: "Write data in another format, or the features that training sees",
		Long: `Convert writes the rows of SRC (a file, a directory, a glob or a URL) to DST, a file or an s3:// URL, in
the format that DST ends in: .svm .vw .csv .tsv .jsonl (also with .gz or .zst behind it) .arrow .parquet
.npz (a sparse matrix of scipy, with the labels beside it).

Columns of cells keep the text of every cell, and training on the new file gives the same model; fields of
jsonl that do not show in its first MiB are left out, as in training. Rows of libsvm, vw, uci-bow and idx keep
their columns; csv then has a column for each, and jsonl their numbers from 0. With --job the rows are the
features that training on SRC sees, with --model those of a model, and DST.vocabulary.txt names their columns.

DST appears when it is whole. Rows that are bad end the conversion, unless data.quality.max_bad_rows of
the job allows for them: then they are left out and counted.

Exit codes: 0 done; 1 the model of --model is damaged; 2 usage, SRC cannot be read, or DST cannot be written.`,
		Example: `  parley data convert train.csv train.parquet
  parley data convert 'days/*.csv.gz' train.svm.zst --job job.yaml
  parley data convert test.csv test.npz --model runs/flights`,
		Args:              takes("SRC", "DST"),
		ValidArgsFunction: arguments(anyFile, anyFile),
	}
	f := c.Flags()
	f.StringVar(&o.job, "job", "", "job file whose data section says how SRC is read and features are made of it")
	values(c, "job", jobFiles)
	f.StringVar(&o.model, "model", "", "trained model that says how features are made")
	values(c, "model", folders)
	f.StringVar(&o.format, "format", "", "format of SRC (default: by its suffix, else that of the job or model, else libsvm)")
	values(c, "format", oneOf(datashard.Formats()...))
	f.StringVar(&o.labels, "labels", "", "file with the labels of uci-bow or idx")
	f.StringVar(&o.vocab, "vocab", "", "file with the words of uci-bow")
	f.IntVar(&o.bits, "bits", 0, "bits of the columns of vw (default: 18, or data.hash of the job)")
	f.BoolVar(&o.force, "force", false, "replace DST if it exists")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if err := o.check(); err != nil {
			return exit(exitUsage, err)
		}
		return convertData(c.Context(), o, args[0], args[1])
	})
	return c
}

func (o convertOptions) check() error {
	switch {
	case o.job != "" && o.model != "":
		return errors.New("--job and --model exclude each other: features are made as one of them says")
	case o.bits != 0 && (o.job != "" || o.model != ""):
		return errors.New("--bits is for data without --job and --model, which have data.hash.bits")
	case o.bits < 0 || o.bits > 28:
		return errors.New("--bits must be between 1 and 28")
	}
	return nil
}

// convertHeap is where garbage is collected more often than main asks for, so that
// the process stays below some 400 MB.
const convertHeap = 256 << 20

func convertData(ctx context.Context, o convertOptions, from, to string) error {
	began := time.Now()
	debug.SetMemoryLimit(convertHeap)
	target, err := convert.TargetOf(to)
	if err != nil {
		return err
	}
	source, err := o.source(from)
	if err != nil {
		return err
	}
	out, err := newDestination(ctx, to, o.force)
	if err != nil {
		return err
	}
	defer out.end()
	remote := node.NewRemote(slog.New(slog.DiscardHandler))
	defer remote.Close()
	set, err := datashard.Open(ctx, source, datashard.Options{Remote: remote, CacheBytes: 64 << 20})
	if err != nil {
		return err
	}
	defer set.Close()
	var result *convert.Result
	if err := out.write("", func(w io.Writer) (err error) {
		result, err = convert.Run(ctx, set, target, w, convert.Options{Features: o.job != "" || o.model != ""})
		return err
	}); err != nil {
		return err
	}
	if err := out.finish(result.Names); err != nil {
		return err
	}
	tellConversion(result, target, time.Since(began))
	return nil
}

// source says how SRC is read.
func (o convertOptions) source(path string) (s datashard.Source, err error) {
	switch {
	case o.model != "":
		m, err := artifact.Open(o.model)
		if err != nil {
			return s, err
		}
		if s, err = sourceOfModel(m); err != nil {
			return s, err
		}
	case o.job != "":
		j, err := job.Load(o.job, nil)
		if err != nil {
			return s, err
		}
		s = agent.SourceOf(j.Data.Train, &j.Data)
	case o.bits != 0:
		s.Spec.Hash = &job.Hash{Bits: o.bits}
	}
	s.Path = path
	for _, format := range []string{job.FormatOf(path), o.format} {
		if format != "" {
			s.Format = format
		}
	}
	if o.bits != 0 && s.Format != "vw" {
		return s, exit(exitUsage, errors.New("--bits is for vw data alone"))
	}
	if o.labels != "" {
		s.Labels = o.labels
	}
	if o.vocab != "" {
		s.Vocab = o.vocab
	}
	return s, nil
}

// sourceOfModel says how rows are made as for a model, with their labels.
func sourceOfModel(m *artifact.Model) (s datashard.Source, err error) {
	j, err := m.MadeBy()
	if err != nil {
		return s, err
	}
	transform, err := m.Read(artifact.TransformFile)
	if err != nil {
		return s, err
	}
	return datashard.Source{Format: j.Data.Train.Format, Columns: j.Data.Train.Columns, Spec: feature.Spec{Hash: j.Data.Hash},
		Fitted: &datashard.Fitted{Transform: transform, ZeroBased: m.ZeroBased, Columns: m.Columns}}, nil
}

// tellConversion says what was done, and what the reader of DST has to know.
func tellConversion(r *convert.Result, to convert.Target, took time.Duration) {
	seconds := max(took.Seconds(), 1e-3)
	fmt.Fprintf(os.Stderr, "%s: %d rows of %d columns in %.1f s (%.0f MB/s of text)\n", to.Name, r.Rows, r.Columns, seconds, float64(r.Bytes)/1e6/seconds)
	if r.Left > 0 {
		fmt.Fprintf(os.Stderr, "%d bad rows were left out, as data.quality.max_bad_rows allows\n", r.Left)
	}
	if r.Unknown > 0 {
		fmt.Fprintf(os.Stderr, "%d values in columns beyond the model's %d were left out\n", r.Unknown, r.Columns)
	}
	switch {
	case to.Format == "libsvm" && r.Used < r.Columns:
		fmt.Fprintf(os.Stderr, "libsvm text does not say how many columns there are: readers will see %d of the %d, since the others have no values\n", r.Used, r.Columns)
	case to.Format == "vw" && r.Columns != 1<<18:
		fmt.Fprintf(os.Stderr, "read it with data.hash: {bits: %d}, so that the columns keep their numbers\n", max(1, bits.Len64(uint64(r.Columns-1))))
	}
}
