package feature

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/table"
)

// sealed returns a Fit's bytes with their checksum made right.
func sealed(data []byte) []byte {
	return binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
}

func TestFitComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for name, s := range specs() {
		f := randomData(r, 100).fit(t, s)
		data := fitBytes(t, f)
		g := f.plan.NewFit()
		if err := g.UnmarshalBinary(data); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(fitBytes(t, g), data) {
			t.Errorf("%s: other bytes after reading", name)
		}
	}
}

func TestDamagedFitIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	f := randomData(r, 30).fit(t, specs()["features"])
	data := fitBytes(t, f)
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1 << r.IntN(8)
		if err := f.plan.NewFit().UnmarshalBinary(changed); param.KindOf(err) != param.Corrupt {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if err := f.plan.NewFit().UnmarshalBinary(data[:i]); param.KindOf(err) != param.Corrupt {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
		if body := data[:i]; i > len(fitMagic)+8 && i < len(data)-4 {
			if err := f.plan.NewFit().UnmarshalBinary(sealed(bytes.Clone(body))); param.KindOf(err) != param.Corrupt {
				t.Fatalf("cut to %d bytes and sealed: %v", i, err)
			}
		}
	}
}

func TestFitOfAnotherPlanIsRefused(t *testing.T) {
	d := parse("c,d", "a,b")
	f := d.fit(t, Spec{Features: []job.Feature{{Category: "c"}}})
	g := d.fit(t, Spec{Features: []job.Feature{{Category: "c", MinCount: 2}}})
	if err := f.Merge(g); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
	if err := f.UnmarshalBinary(fitBytes(t, g)); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "another plan") {
		t.Error(err)
	}
}

func TestDamagedTransformIsRefused(t *testing.T) {
	d := parse("c,x,n,t", "a,1,1,2001-01-31", "b,,2,2001-01-30", "a,5,3,2001-01-30")
	tr := d.transform(t, Spec{Features: []job.Feature{
		{Numeric: "x"}, {Category: "c", MinCount: 2}, {Numeric: "n", Bins: 2}, {Cross: []string{"c", "n"}}, {Time: "t", Parts: []string{"day"}}}})
	good, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new, want string }{
		{"version", `"version":1`, `"version":2`, "version 2 is not known"},
		{"unknown key", `"version":1`, `"version":1,"more":2`, "unknown field"},
		{"columns", `"columns":11`, `"columns":12`, "12 columns, but the features make 11"},
		{"hash bits", `"scale":1},"blocks"`, `"hash_bits":29,"scale":1},"blocks"`, "the recipe is not complete"},
		{"kind", `"kind":"numeric"`, `"kind":"number"`, `unknown kind "number"`},
		{"deviation", `"deviation":1`, `"deviation":0`, "deviation 0"},
		{"mean", `"mean":3`, `"mean":3e40`, "mean 3e+40"},
		{"edges", `"edges":[1,2,3]`, `"edges":[1,3,2]`, "edges do not ascend"},
		{"more edges", `"edges":[1,2,3]`, `"edges":[1,2,3,4]`, "4 edges of 2 bins"},
		{"names", `"values":["30","31"]`, `"values":["31","30"]`, "names do not ascend"},
		{"parts", `"values":["a","0",`, `"values":["0",`, "names of 2 parts each"},
		{"bins of a cross", `"bins":2}]`, `"bins":1}]`, "has no bins"},
		{"time", `"time":"day"`, `"time":"second"`, `part "t.day"`},
		{"number", `"mean":3`, `"mean":NaN`, "invalid character"},
		{"blocks", `"blocks":[`, `"blocks":[{},`, "6 blocks of 5 features"},
		{"behind", `"columns":11}`, `"columns":11}}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(string(good), test.old, test.new, 1)
			if text == string(good) {
				t.Fatalf("no %s in %s", test.old, good)
			}
			var back Transform
			if err := json.Unmarshal([]byte(text), &back); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestNamesOfAnyBytesAreSaved(t *testing.T) {
	want := values{"", "a", "\xFF\x00\xFE", "é", "<&>", "\u2028", "{"}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got values
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func FuzzFitUnmarshal(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 6))
	d := randomData(r, 20)
	var plans []*Plan
	for i, name := range sortedKeys(specs()) {
		fit := d.fit(f, specs()[name])
		data, err := fit.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		plans = append(plans, fit.plan)
		f.Add(i, data[len(fitMagic)+8:len(data)-4])
	}
	f.Fuzz(func(t *testing.T, plan int, body []byte) {
		p := plans[uint(plan)%uint(len(plans))]
		data := binary.LittleEndian.AppendUint64([]byte(fitMagic), p.fingerprint())
		data = sealed(append(data, body...))
		fit := p.NewFit()
		if err := fit.UnmarshalBinary(data); err != nil {
			return
		}
		again, err := fit.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back := p.NewFit()
		if err := back.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		fit.Summary()
		if tr, err := fit.Finish(); err == nil {
			saved(t, tr)
		}
		if err := fit.Merge(back); err != nil && param.KindOf(err) != param.Invalid {
			t.Fatal(err)
		}
	})
}

func FuzzTransformUnmarshal(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	d := randomData(r, 30)
	for _, name := range sortedKeys(specs()) {
		text, err := json.Marshal(d.transform(f, specs()[name]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var tr Transform
		if json.Unmarshal(text, &tr) != nil {
			return
		}
		if tr.Columns() > 1<<16 {
			return // names and rows of so many take long
		}
		back := saved(t, &tr)
		if got := back.Names(); got != nil && int64(len(got)) != back.Columns() {
			t.Fatalf("%d names of %d columns", len(got), back.Columns())
		}
		if !tr.sparse {
			if a, err := tr.Bind(d.columns); err == nil {
				_ = a
				d.apply(t, back)
			}
		}
	})
}

func FuzzCompileAndApply(f *testing.F) {
	f.Add(uint64(1), "x", "c", "when", uint8(0))
	f.Add(uint64(2), "n", "y", "when", uint8(255))
	f.Fuzz(func(t *testing.T, seed uint64, x, c, when string, bits uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := randomData(r, 1+r.IntN(40))
		s := Spec{Features: []job.Feature{
			{Numeric: x, Bins: int(bits & 3), Transform: []string{"log1p", "standardize"}[:bits>>2&1]},
			{Category: c, MinCount: int64(bits >> 3 & 3)}, {Time: when, Parts: []string{"hour"}}, {Cross: []string{x, c, when + ".hour"}}}}
		if bits>>5&1 != 0 {
			s.Hash = &job.Hash{Bits: 1 + int(bits>>6)}
		}
		if bits>>6&1 != 0 {
			s.Label = &job.Label{Column: "y"}
		}
		p, err := Compile(s, d.columns, false)
		if err != nil {
			return
		}
		fit := p.NewFit()
		rows := d.batch(p.Want(), d.all())
		fit.Add(rows, Place{})
		tr, err := fit.Finish()
		if err != nil {
			return
		}
		one, bad := d.apply(t, tr)
		two, _ := d.apply(t, saved(t, tr))
		if fmt.Sprint(places(bad)) != fmt.Sprint(places(rows.Bad)) || fmt.Sprint(one) != fmt.Sprint(two) {
			t.Fatalf("fit and apply differ:\n%v\n%v", rows.Bad, bad)
		}
	})
}

// places are the bad rows without their reasons: a fit may refuse a row for a time
// whose label nobody has counted then, so that the transform refuses the label.
func places(bad table.BadRows) (rows []int) {
	for _, b := range bad {
		rows = append(rows, b.Row)
	}
	return rows
}
