package parsebench

import (
	"bufio"
	"bytes"
	stdcsv "encoding/csv"
	"hash/fnv"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"parley/datashard/csv"
	"parley/datashard/libsvm"
	"parley/datashard/vw"
	"parley/internal/batch"
	"parley/internal/decimal"
	"parley/internal/table"
	"parley/internal/text"
)

// reset empties rows and keeps their memory.
func reset(rows *batch.CSR) {
	*rows = batch.CSR{Labels: rows.Labels[:0], Offsets: rows.Offsets[:0], Columns: rows.Columns[:0], Values: rows.Values[:0]}
}

// parser returns what parses libsvm text again and again.
func parser(of []byte) func() {
	p, rows := libsvm.Parser{Base: libsvm.OneBased}, &batch.CSR{}
	var bad table.BadRows
	return func() {
		reset(rows)
		p.Parse(rows, nil, &bad, of)
	}
}

func libsvmSpeed() Speed {
	t := libsvmText(2000)
	return speed(len(t), parser(t), func() { naiveLibsvm(t) })
}

// naiveLibsvm is Scanner, Fields, Cut and ParseFloat.
func naiveLibsvm(t []byte) (rows batch.CSR) {
	lines := bufio.NewScanner(bytes.NewReader(t))
	for lines.Scan() {
		tokens := strings.Fields(lines.Text())
		label, _ := strconv.ParseFloat(tokens[0], 32)
		for _, token := range tokens[1:] {
			id, value, _ := strings.Cut(token, ":")
			column, _ := strconv.Atoi(id)
			v, _ := strconv.ParseFloat(value, 32)
			rows.Columns, rows.Values = append(rows.Columns, uint32(column)), append(rows.Values, float32(v))
		}
		rows.Labels, rows.Offsets = append(rows.Labels, float32(label)), append(rows.Offsets, uint32(len(rows.Columns)))
	}
	return rows
}

func vwSpeed() Speed {
	t := vwText(2000)
	p, rows := vw.Parser{Bits: 18}, &batch.CSR{}
	var bad table.BadRows
	return speed(len(t), func() {
		reset(rows)
		p.Parse(rows, nil, &bad, t)
	}, func() { naiveVW(t) })
}

// naiveVW is Scanner, Split, Fields, Cut and a hash of the standard library.
func naiveVW(t []byte) (rows batch.CSR) {
	lines := bufio.NewScanner(bytes.NewReader(t))
	for lines.Scan() {
		sections := strings.Split(lines.Text(), "|")
		label, _ := strconv.ParseFloat(strings.TrimSpace(sections[0]), 32)
		for _, section := range sections[1:] {
			names := strings.Fields(section)
			for _, name := range names[1:] {
				name, value, ok := strings.Cut(name, ":")
				v := 1.0
				if ok {
					v, _ = strconv.ParseFloat(value, 32)
				}
				h := fnv.New32a()
				h.Write([]byte(names[0] + name))
				rows.Columns, rows.Values = append(rows.Columns, h.Sum32()&(1<<18-1)), append(rows.Values, float32(v))
			}
		}
		rows.Labels, rows.Offsets = append(rows.Labels, float32(label)), append(rows.Offsets, uint32(len(rows.Columns)))
	}
	return rows
}

func csvSpeed() Speed {
	t := csvText(4000)
	p, b := csv.Parser{Comma: ',', Columns: csvColumns}, &table.Batch{}
	for i := range csvColumns {
		p.Want = append(p.Want, i)
	}
	numbers := make([]float64, csvColumns*4000)
	return speed(len(t), func() {
		p.Parse(b, nil, t)
		for i := range b.Columns {
			c := &b.Columns[i]
			for row := range b.Rows {
				numbers[i*4000+row], _ = decimal.Float64(c.Cell(row))
			}
		}
	}, func() { naiveCSV(t, numbers) })
}

// naiveCSV is encoding/csv and ParseFloat.
func naiveCSV(t []byte, numbers []float64) {
	r := stdcsv.NewReader(bytes.NewReader(t))
	r.ReuseRecord = true
	for n := 0; ; {
		record, err := r.Read()
		if err == io.EOF {
			return
		}
		for _, cell := range record {
			numbers[n], _ = strconv.ParseFloat(cell, 64)
			n++
		}
	}
}

func textSpeed() Speed {
	docs, size := documents(1000)
	options := text.Options{Lowercase: true, Stop: "none", NGramMin: 1, NGramMax: 1, MinDF: 1, MaxDF: 1, Weight: "count", IDF: "smooth"}
	counter, err := text.NewCounter(options)
	if err != nil { // constant options
		panic("parsebench: " + err.Error())
	}
	vocabulary := map[string]uint32{}
	for _, d := range docs {
		counter.Add(d)
		for _, w := range strings.Fields(strings.ToLower(string(d))) {
			vocabulary[w] = uint32(len(vocabulary))
		}
	}
	v, err := counter.Finish()
	if err != nil {
		panic("parsebench: " + err.Error())
	}
	e := v.NewEncoder()
	var columns []uint32
	var values []float32
	return speed(size, func() {
		for _, d := range docs {
			columns, values = e.Append(columns[:0], values[:0], d)
		}
	}, func() {
		for _, d := range docs {
			counts := map[uint32]float32{}
			for _, w := range strings.Fields(strings.ToLower(string(d))) {
				counts[vocabulary[w]]++
			}
		}
	})
}

// scaling parses a text a core.
func scaling() Scaling {
	cores, t := runtime.NumCPU(), libsvmText(2000)
	each := make([]func(), cores)
	for i := range each {
		each[i] = parser(t)
	}
	best := alternate(wall, len(t), func() {
		for _, parse := range each {
			parse()
		}
	}, func() {
		var all sync.WaitGroup
		for _, parse := range each {
			all.Go(parse)
		}
		all.Wait()
	})
	return Scaling{Cores: cores, Ratio: best[1] / best[0]}
}
