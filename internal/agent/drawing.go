package agent

import (
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// drawing is the random weights that a model begins with. It implements ps.Initial.
type drawing struct {
	job    *job.Job
	layers plan.Layers // nil of fm
	bias   param.Key   // of fm: its first key behind those of the columns
}

// drawingOf returns what the model of an order begins with, nil where that is zeros.
func drawingOf(j *job.Job, m *parleyv1.Create) ps.Initial {
	if layers := layersOf(m); layers != nil {
		return drawing{job: j, layers: layers}
	}
	if !j.Model.Factorizes() {
		return nil
	}
	bias := param.Key(m.GetPenalized()) // or the end of the keys, which is as much further as a column has
	if j.Model.PenalizeBias {
		bias -= param.Key(1 + j.Model.Rank)
	}
	return drawing{job: j, bias: bias}
}

// Draw sets values to those of the keys from lo on.
func (d drawing) Draw(values []float32, lo param.Key) {
	switch m := &d.job.Model; {
	case m.Embeds():
		d.layers.DrawEmbedded(values, lo, m.Dim, m.InitScale, m.Initial, d.job.Run.Seed)
	case d.layers != nil:
		d.layers.Draw(values, lo, m.Initial, d.job.Run.Seed)
	default:
		width := param.Key(1 + m.Rank)
		for i := range values {
			values[i] = 0
			if key := lo + param.Key(i); key < d.bias && key%width != 0 {
				values[i] = plan.Factor(d.job.Run.Seed, key, m.InitScale)
			}
		}
	}
}
