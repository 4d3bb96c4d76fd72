package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/internal/artifact"
	"parley/internal/batch"
	"parley/internal/explain"
	"parley/trainer/lsi"
)

// rowFlags are the flags that tell how raw rows are to be read.
func rowFlags(c *cobra.Command, rows *predictRows) {
	c.Flags().StringVar(&rows.format, "format", "", "format of the rows (default: by the suffix of the path, else that of the training data)")
	values(c, "format", oneOf(datashard.Formats()...))
	c.Flags().StringSliceVar(&rows.columns, "columns", nil, "names of the columns of csv and tsv files without a header, separated by commas; '' for files with one (default: as the job says for the training data)")
}

func transformCommand() *cobra.Command {
	var rows predictRows
	var out string
	c := &cobra.Command{
		Use:   "transform MODEL PATH",
		Short: "Write documents as vectors in topic space, one a line",
		Long: `Transform reads raw documents, makes rows of them as in training, and writes the vector of each in the
space of the model's topics: a number a topic, tab-separated, the topic of the largest singular value
first. It is Vᵀx for a document x: the row of U·Σ where x was trained on. Terms that the model does not
know are ignored and counted; a document without known terms is a line of zeros.

Exit codes: 0 done; 1 the model is damaged; 2 usage, there is no model, or the rows cannot be read.`,
		Example: `  parley transform runs/news articles.jsonl --out vectors.tsv
  parley transform runs/news docword.txt --format uci-bow | head`,
		Args:              takes("MODEL", "PATH"),
		ValidArgsFunction: arguments(folders, anyFile),
	}
	rowFlags(c, &rows)
	c.Flags().StringVar(&out, "out", "", "file to write to (default: standard output)")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		rows.path, rows.named = args[1], c.Flags().Changed("columns")
		return predictTo(c.Context(), args[0], rows, vectorLines, out)
	})
	return c
}

// topicModel returns the model of topics that a folder holds.
func topicModel(m *artifact.Model) (*lsi.Model, error) {
	if m.Kind != "lsi" {
		return nil, exit(exitUsage, fmt.Errorf("%s is a %s model, which has no topics: use one of kind lsi", m.Dir(), m.Kind))
	}
	return lsi.New(m.Topics())
}

// vectorLines writes each row's vector, tab-separated.
func vectorLines(m *artifact.Model, weights []float32) (lineWriter, error) {
	model, err := topicModel(m)
	if err != nil {
		return nil, err
	}
	var vectors []float64
	return func(dst []byte, rows *batch.CSR) []byte {
		vectors = model.Transform(vectors[:0], rows, weights)
		for i, x := range vectors {
			end := byte('\t')
			if (i+1)%model.Topics() == 0 {
				end = '\n'
			}
			dst = append(appendNumber(dst, float32(x)), end)
		}
		return dst
	}, nil
}

func topicsCommand() *cobra.Command {
	var asJSON bool
	var top int
	corpus := predictRows{}
	c := &cobra.Command{
		Use:   "topics MODEL",
		Short: "List the topics of a model with their heaviest terms",
		Long: `Topics lists the topics of a model of kind lsi, the largest singular value first, each with the terms
whose weights are farthest from 0, and their signs. With --corpus it tells how much these terms go
together in the documents of a corpus: the means over pairs of terms of u_mass and npmi.

Exit codes: 0 done; 1 the model is damaged; 2 usage, there is no model, or the documents cannot be read.`,
		Example: `  parley topics runs/news
  parley topics runs/news --top 20 --json
  parley topics runs/news --corpus articles.jsonl`,
		Args:              takes("MODEL"),
		ValidArgsFunction: arguments(folders),
	}
	c.Flags().IntVar(&top, "top", 10, "number of terms of a topic")
	c.Flags().BoolVar(&asJSON, "json", false, "print an array with an object a topic")
	c.Flags().StringVar(&corpus.path, "corpus", "", "documents to measure the coherence of the topics with")
	rowFlags(c, &corpus)
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if top < 1 {
			return exit(exitUsage, errors.New("--top must be at least 1"))
		}
		corpus.named = c.Flags().Changed("columns")
		m, done, err := openModel(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		if _, err := topicModel(m); err != nil {
			return err
		}
		topics, err := explain.Topics(m, top)
		if err != nil {
			return err
		}
		if corpus.path != "" {
			if err := measureCoherence(c.Context(), m, topics, corpus); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(os.Stdout, topics)
		}
		return printTopics(os.Stdout, topics, corpus.path != "")
	})
	return c
}

func measureCoherence(ctx context.Context, m *artifact.Model, topics []explain.Topic, corpus predictRows) error {
	counter := explain.NewCounter(topics)
	err := eachShard(ctx, m, corpus, func(rows *batch.CSR) error {
		counter.Add(rows)
		return nil
	})
	for i := range topics {
		topics[i].Coherence = counter.Coherence(i)
	}
	return err
}

func printTopics(out io.Writer, topics []explain.Topic, coherence bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "topic\tsigma\tresidual\t"
	if coherence {
		head += "u_mass\tnpmi\t"
	}
	fmt.Fprintln(w, head+"terms")
	for _, t := range topics {
		fmt.Fprintf(w, "%d\t%.6g\t%.1e\t", t.Topic, t.SingularValue, t.Residual)
		switch {
		case coherence && t.Coherence == nil:
			fmt.Fprint(w, "-\t-\t")
		case coherence:
			fmt.Fprintf(w, "%.3f\t%.3f\t", t.Coherence.UMass, t.Coherence.NPMI)
		}
		for i, term := range t.Terms {
			if i > 0 {
				fmt.Fprint(w, ", ")
			}
			fmt.Fprintf(w, "%+.3f %s", term.Weight, printable(term.Feature))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// neighbour is a document of a corpus and how near it is.
type neighbour struct {
	Row    int64   `json:"row"` // from 1, in the order of the corpus
	Cosine float64 `json:"cosine"`
}

func similarCommand() *cobra.Command {
	var rows predictRows
	var asJSON bool
	var top int
	c := &cobra.Command{
		Use:   "similar MODEL CORPUS QUERY",
		Short: "Find the documents of a corpus that are most like a text",
		Long: `Similar prints the documents of a corpus whose vectors in topic space have the largest cosine with that of
a query, the best one first: the document's number in the corpus, from 1, and the cosine. QUERY is a text,
the name of a file that holds one, or - for standard input. Documents without a vector (no known terms)
are like nothing.

Exit codes: 0 done; 1 the model is damaged; 2 usage, there is no model, or corpus or query cannot be read.`,
		Example: `  parley similar runs/news articles.jsonl 'shuttle launch delayed'
  parley similar runs/news articles.jsonl letter.txt --top 3
  echo 'hockey playoffs' | parley similar runs/news articles.jsonl - --json`,
		Args:              takes("MODEL", "CORPUS", "QUERY"),
		ValidArgsFunction: arguments(folders, anyFile, anyFile),
	}
	rowFlags(c, &rows)
	c.Flags().IntVar(&top, "top", 10, "number of documents")
	c.Flags().BoolVar(&asJSON, "json", false, "print an array with an object a document")
	c.RunE = do(func(c *cobra.Command, args []string) error {
		if top < 1 {
			return exit(exitUsage, errors.New("--top must be at least 1"))
		}
		rows.path, rows.named = args[1], c.Flags().Changed("columns")
		text, err := queryText(args[2], c.InOrStdin())
		if err != nil {
			return err
		}
		found, err := similar(c.Context(), args[0], rows, text, top)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(os.Stdout, found)
		}
		for _, n := range found {
			fmt.Printf("%d\t%.6f\n", n.Row, n.Cosine)
		}
		return nil
	})
	return c
}

// queryText returns a text that is given, or that of a file, as one line.
func queryText(query string, in io.Reader) (string, error) {
	text := []byte(query)
	if query == "-" {
		var err error
		if text, err = io.ReadAll(io.LimitReader(in, 1<<24)); err != nil {
			return "", err
		}
	} else if info, err := os.Stat(query); err == nil && info.Mode().IsRegular() {
		if text, err = os.ReadFile(query); err != nil {
			return "", err
		}
	}
	line := strings.Join(strings.Fields(string(text)), " ")
	if line == "" {
		return "", exit(exitUsage, errors.New("the query is empty: give a text, a file or - for standard input"))
	}
	return line, nil
}

func similar(ctx context.Context, path string, corpus predictRows, query string, top int) ([]neighbour, error) {
	m, done, err := openModel(ctx, path)
	if err != nil {
		return nil, err
	}
	defer done()
	model, err := topicModel(m)
	if err != nil {
		return nil, err
	}
	weights, err := readWeights(m)
	if err != nil {
		return nil, err
	}
	vector, err := queryVector(ctx, m, model, weights, query)
	if err != nil {
		return nil, err
	}
	search := lsi.NewSearch(vector, top)
	var vectors []float64
	err = eachShard(ctx, m, corpus, func(rows *batch.CSR) error {
		vectors = model.Transform(vectors[:0], rows, weights)
		search.Add(vectors)
		return nil
	})
	found := []neighbour{}
	for _, n := range search.Found() {
		found = append(found, neighbour{Row: n.Row + 1, Cosine: n.Cosine})
	}
	return found, err
}

// queryVector makes a row of a text as if it were a line of a file, and a vector of
// the row.
func queryVector(ctx context.Context, m *artifact.Model, model *lsi.Model, weights []float32, query string) ([]float64, error) {
	j, err := m.MadeBy()
	if err != nil {
		return nil, err
	}
	trained := j.Data.Train.Format
	text, format := query+"\n", "text"
	switch names, err := m.ColumnNames(); {
	case err != nil:
		return nil, err
	case trained == "uci-bow" && names != nil:
		text, format = bagOf(query, names), trained
	case j.Data.Text == nil || trained == "uci-bow":
		return nil, exit(exitUsage, fmt.Errorf("%s knows no terms, so a query has none: train on text, or on a bag of words with its vocabulary", m.Dir()))
	}
	if j.Data.Text != nil && j.Data.Text.Field != "" {
		line, err := json.Marshal(map[string]string{j.Data.Text.Field: query})
		if err != nil {
			return nil, err
		}
		text, format = string(line)+"\n", "jsonl"
	}
	dir, err := os.MkdirTemp("", "parley-query-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "query.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var vector []float64
	err = eachShard(ctx, m, predictRows{path: file, format: format, named: true}, func(rows *batch.CSR) error {
		vector = model.Transform(vector, rows, weights)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for _, x := range vector {
		if x != 0 {
			return vector, nil
		}
	}
	return nil, exit(exitUsage, errors.New("the query has no term that the model knows: use other words"))
}

// bagOf returns a file of one bag of words: those of a text that are among the names
// of columns, in lower case if they are not as they stand.
func bagOf(text string, names [][]byte) string {
	columns, counts := map[string]int{}, map[int]int{}
	for i, name := range names {
		columns[string(name)] = i + 1
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		column := columns[word]
		if column == 0 {
			column = columns[strings.ToLower(word)]
		}
		if column > 0 {
			counts[column]++
		}
	}
	var bag strings.Builder
	fmt.Fprintf(&bag, "1\n%d\n%d\n", len(names), len(counts))
	for _, column := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&bag, "1 %d %d\n", column, counts[column])
	}
	return bag.String()
}
