package main

import (
	"bytes"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// palette can be told apart with any kind of colour vision (Okabe and Ito, "Color
// universal design", 2008).
var palette = []color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {120, 120, 120, 255}, {204, 121, 167, 255}}

// draw returns the figure as SVG.
func draw(title string, all []series) ([]byte, error) {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text = "seconds of training"
	p.Y.Label.Text = "logloss on the test data"
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for i, s := range all {
		ink := palette[i%len(palette)]
		line, points, err := plotter.NewLinePoints(xys(s.medians))
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = ink, vg.Points(1.5)
		points.Color, points.Shape, points.Radius = ink, vgdraw.CircleGlyph{}, vg.Points(3)
		single, err := plotter.NewScatter(xys(s.runs))
		if err != nil {
			return nil, err
		}
		single.Color, single.Shape, single.Radius = ink, vgdraw.RingGlyph{}, vg.Points(2)
		p.Add(single, line, points)
		p.Legend.Add(s.mode, line, points)
	}
	p.Legend.Padding = vg.Points(2)
	canvas := vgsvg.New(16*vg.Centimeter, 10*vg.Centimeter)
	p.Draw(vgdraw.New(canvas))
	var out bytes.Buffer
	_, err := canvas.WriteTo(&out)
	return out.Bytes(), err
}

func xys(runs []trained) plotter.XYs {
	points := make(plotter.XYs, len(runs))
	for i, t := range runs {
		points[i].X, points[i].Y = t.seconds, t.logloss
	}
	return points
}
