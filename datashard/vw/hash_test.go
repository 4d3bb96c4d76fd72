package vw

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/murmur3"

	"parley/internal/batch"
	"parley/internal/table"
)

// TestMurmurEqualsLibrary also checks a few sums that are published for
// MurmurHash3_x86_32.
func TestMurmurEqualsLibrary(t *testing.T) {
	for _, c := range []struct {
		name       string
		seed, want uint32
	}{{"", 0, 0}, {"", 1, 0x514E28B7}, {"aaaa", 0x9747B28C, 0x5A97808A}, {"Hello, world!", 0x9747B28C, 0x24884CBA}} {
		if got := murmur([]byte(c.name), c.seed); got != c.want {
			t.Errorf("murmur(%q, %#x) = %#x, want %#x", c.name, c.seed, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		name := make([]byte, n)
		for i := range name {
			name[i] = byte(r.Uint32())
		}
		seed := r.Uint32()
		if got, want := murmur(name, seed), murmur3.SeedSum32(seed, name); got != want {
			t.Fatalf("murmur(%x, %d) = %d, want %d", name, seed, got, want)
		}
	}
}

// TestColumnsOfDocumentedAudit has the columns that Vowpal Wabbit's tutorial
// shows as the output of --audit at 18 bits.
func TestColumnsOfDocumentedAudit(t *testing.T) {
	for name, want := range map[string]uint32{"price": 229902, "sqft": 162853, "age": 165201, "2006": 2006, "1976": 1976} {
		if got := hash([]byte(name), 0) & (1<<18 - 1); got != want {
			t.Errorf("%s has column %d, want %d", name, got, want)
		}
	}
}

// TestOracle compares with testdata/oracle.tsv: a row of oracle.py a line, of
// the bits, label, weight and cells, floats as their bits.
func TestOracle(t *testing.T) {
	var text []byte
	for _, name := range []string{"excerpt", "names"} {
		text = append(text, read(t, name+".vw")...)
	}
	lines := strings.Split(strings.TrimSuffix(string(read(t, "oracle.tsv")), "\n"), "\n")
	rows := map[string]*batch.CSR{}
	for _, line := range lines {
		cells := strings.Split(line, "\t")
		if rows[cells[0]] == nil {
			rows[cells[0]] = &batch.CSR{Offsets: []uint32{0}}
		}
		want := rows[cells[0]]
		for _, cell := range cells[3:] {
			column, value, _ := strings.Cut(cell, ":")
			want.Columns, want.Values = append(want.Columns, uint32(whole(t, column))), append(want.Values, float(t, value))
		}
		finish(want, float(t, cells[1]), float(t, cells[2]))
	}
	for bits, want := range rows {
		got, bad := new(batch.CSR), table.BadRows(nil)
		(&Parser{Bits: whole(t, bits)}).Parse(got, nil, &bad, text)
		if diff := cmp.Diff(want, got, sameBits); diff != "" || len(bad) > 0 || got.Rows() != 17 {
			t.Errorf("%s bits: %d rows, bad %v (-want +got)\n%s", bits, got.Rows(), bad, diff)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d numbers of bits, want 3", len(rows))
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func whole(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func float(t *testing.T, s string) float32 {
	t.Helper()
	bits, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return math.Float32frombits(uint32(bits))
}
