package wire

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"parley/internal/param"
)

// reseal makes the checksum right, so that the rest is looked at.
func reseal(b []byte) []byte {
	if len(b) >= headerBytes {
		binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[checkedBehind:], castagnoli))
	}
	return b
}

func encoded(t testing.TB, f *Frame) []byte {
	t.Helper()
	segments, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, s := range segments {
		all = append(all, *s.Data...)
	}
	return all
}

// readAll reads whatever a frame has.
func readAll(t testing.TB, v *Receiver, b []byte) error {
	f, err := arrive(b, 4096)
	if err != nil {
		return err
	}
	n, err := v.Open(f)
	for range n {
		var q Request
		var p Reply
		if b[2] == kindRequests {
			if err = v.Request(f, &q); err != nil {
				return err
			}
			_, err = v.Keys(&q, 1<<20)
			for i, k := range q.Offsets {
				if k >= 1<<20 || i > 0 && k <= q.Offsets[i-1] {
					t.Fatalf("key %d of %d is %d", i, len(q.Offsets), k)
				}
			}
			q.Hold().Release()
		} else {
			err = v.Reply(f, &p)
			p.Hold().Release()
		}
		if err != nil && param.KindOf(err) == param.Unknown {
			t.Fatalf("an error without a kind: %v", err)
		}
	}
	return err
}

// FuzzFrame: no bytes make a Receiver panic or give keys that are not a list.
func FuzzFrame(f *testing.F) {
	s := NewSender()
	small := samples()[:4]
	f.Add(encoded(f, &Frame{Requests: small, Sender: s}))
	f.Add(encoded(f, &Frame{Requests: []Request{{Offsets: random(1, 300, 1<<20)}, {Push: true, Encoding: Int8, Offsets: random(1, 300, 1<<20), Values: floats(300)}}, Sender: NewSender()}))
	f.Add(encoded(f, &Frame{Replies: []Reply{{Values: floats(5)}, {Unknown: true}, {Refused: param.Errorf(param.Stale, "old")}}, Sender: s}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v := NewReceiver()
		defer v.Close()
		if err := readAll(t, v, reseal(b)); err != nil && param.KindOf(err) == param.Unknown {
			t.Fatalf("an error without a kind: %v", err)
		}
	})
}

// TestDamage: each single bit matters, and each length but the right one.
func TestDamage(t *testing.T) {
	whole := encoded(t, &Frame{Requests: []Request{{Job: "j", Push: true, Offsets: random(1, 50, 1<<20), Values: floats(50)}}, Sender: NewSender()})
	if err := readAll(t, NewReceiver(), whole); err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(whole) {
		if i/8 == 2 { // which kind it is
			continue
		}
		b := append([]byte(nil), whole...)
		b[i/8] ^= 1 << (i % 8)
		if err := readAll(t, NewReceiver(), b); param.KindOf(err) != param.Corrupt && param.KindOf(err) != param.Invalid {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for n := range len(whole) {
		if err := readAll(t, NewReceiver(), whole[:n]); param.KindOf(err) != param.Corrupt {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if err := readAll(t, NewReceiver(), reseal(append([]byte(nil), whole[:n]...))); err == nil {
			t.Fatalf("%d bytes, sealed: no error", n)
		}
	}
}

// TestClaims: numbers that no frame of the size can have take no memory.
func TestClaims(t *testing.T) {
	make := func() []byte {
		return encoded(t, &Frame{Requests: []Request{{Push: true, Offsets: random(1, 50, 1<<20), Values: floats(50)}}, Sender: NewSender()})
	}
	const item = headerBytes + 8
	for name, change := range map[string]func(b []byte){
		"items":      func(b []byte) { binary.LittleEndian.PutUint32(b[8:], 1<<31) },
		"names":      func(b []byte) { binary.LittleEndian.PutUint16(b[12:], 1<<15) },
		"job":        func(b []byte) { binary.LittleEndian.PutUint32(b[item+24:], 1) },
		"kind":       func(b []byte) { b[item+36] = 2 },
		"encoding":   func(b []byte) { b[item+37] = 9 },
		"form":       func(b []byte) { b[item+38] = forms },
		"keys":       func(b []byte) { binary.LittleEndian.PutUint32(b[item+40:], 1<<32-1) },
		"fewer keys": func(b []byte) { binary.LittleEndian.PutUint32(b[item+40:], 3) },
		"list":       func(b []byte) { binary.LittleEndian.PutUint32(b[item+44:], 1<<32-1) },
		"values":     func(b []byte) { binary.LittleEndian.PutUint32(b[item+48:], 1<<32-1) },
		"width":      func(b []byte) { b[item+requestBytes] = 33 },
		"run": func(b []byte) {
			b[item+38] = formRun
			binary.LittleEndian.PutUint32(b[item+40:], 1<<32-1)
			binary.LittleEndian.PutUint64(b[item+56:], 1<<63)
		},
	} {
		b := make()
		change(b)
		allocated := testing.AllocsPerRun(1, func() {
			if err := readAll(t, NewReceiver(), reseal(b)); param.KindOf(err) != param.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		})
		if allocated > 100 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
}
