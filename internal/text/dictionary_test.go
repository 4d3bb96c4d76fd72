package text

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// TestEqualKeys has long terms whose hashes are equal by construction.
func TestEqualKeys(t *testing.T) {
	term := func(first uint64) []byte {
		last := mix(first, 0xD6E8FEB86659FD93) // what hashLong is after the first word
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, first), last)
	}
	d := newDictionary(0)
	for i := range 100 {
		if keyOf(term(uint64(i))) != keyOf(term(0)) {
			t.Fatal("the keys are not equal: the hash has changed, and this test must")
		}
		if id := d.add(term(uint64(i))); id != i {
			t.Fatalf("term %d is term %d", i, id)
		}
	}
	for i := range 100 {
		if id := d.find(term(uint64(i))); id != i {
			t.Errorf("term %d is found as %d", i, id)
		}
	}
	if id := d.find(term(100)); id != -1 {
		t.Errorf("a term that was never added is found as %d", id)
	}
}

// TestShortKeys has all terms of few letters and up to 9 bytes, which differ in
// one place or in length alone.
func TestShortKeys(t *testing.T) {
	d, known := newDictionary(0), map[string]int{}
	for n := 1; n <= 9; n++ {
		for i := range 1 << n {
			term := []byte(fmt.Sprintf("%0*b", n, i))
			known[string(term)] = len(known)
			if id := d.add(term); id != known[string(term)] {
				t.Fatalf("%s: number %d, want %d", term, id, known[string(term)])
			}
		}
	}
	for term, want := range known {
		if id := d.find([]byte(term)); id != want || string(d.term(id)) != term {
			t.Errorf("%s: found as %d, want %d", term, id, want)
		}
	}
}
