package psserver

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
)

// raw is a codec that sends bytes as they are; what comes back is a frame.
type raw struct{ encoding.CodecV2 }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

// openRaw opens an Exchange to which any bytes can be sent.
func openRaw(t testing.TB, c *peer) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	s, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/parley.v1.Exchange/Exchange",
		grpc.ForceCodecV2(raw{encoding.GetCodecV2("parley")}))
	if err != nil {
		t.Fatal(err)
	}
	return &stream{t: t, ClientStream: s, cancel: cancel, receiver: wire.NewReceiver()}
}

// bytesOf returns a frame as it goes over the wire.
func bytesOf(t testing.TB, requests ...*wire.Request) []byte {
	t.Helper()
	f := &wire.Frame{Sender: wire.NewSender()}
	for _, r := range requests {
		f.Requests = append(f.Requests, *r)
	}
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

func seal(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// item is where the first request of a frame of job "j" begins.
const item = 24

// TestHostile: whatever a peer sends, it gets an error of a kind, the server takes
// little memory, and the streams of others go on.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := New()
	if err := s.Create("j", 0, ranges(spec(t, 0, 2), spec(t, 1, 2))); err != nil {
		t.Fatal(err)
	}
	c := serve(t, rpc.TCP{}, s)
	other := open(t, c)
	goOn := func(name string) {
		other.send(pull(7, 1, 0))
		if r := other.next(); r.ID != 7 || r.Refused != nil {
			t.Fatalf("after %s: another stream gets %+v", name, r)
		}
	}
	list := &wire.Request{ID: 1, Job: "j", Term: 1, Offsets: []uint32{0, 2, 7}}
	many := &wire.Request{ID: 1, Job: "j", Term: 1}
	for i := range uint32(40) {
		many.Offsets = append(many.Offsets, 3*i)
	}
	random := rand.New(rand.NewPCG(1, 2))
	le := binary.LittleEndian
	edit := func(r *wire.Request, change func(b []byte)) []byte {
		b := bytesOf(t, r)
		change(b[item:])
		return seal(b)
	}
	// Those that end the stream.
	for name, x := range map[string]struct {
		bytes []byte
		kind  param.Kind
	}{
		"nothing":         {nil, param.Corrupt},
		"noise":           {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), param.Invalid},
		"a truncated one": {seal(bytesOf(t, list)[:60]), param.Invalid},
		"a cut one":       {bytesOf(t, list)[:60], param.Corrupt},
		"a flipped bit":   {flip(bytesOf(t, list)), param.Corrupt},
		"2^32 requests":   {seal(claim(bytesOf(t, list))), param.Invalid},
		"an unknown job":  {edit(list, func(b []byte) { b[24] = 9 }), param.Invalid},
		"2^32 values":     {edit(list, func(b []byte) { le.PutUint32(b[48:], 1<<32-1) }), param.Invalid},
		"a list of 4 GB":  {edit(list, func(b []byte) { le.PutUint32(b[44:], 1<<32-1) }), param.Invalid},
	} {
		a := openRaw(t, c)
		if err := a.SendMsg(x.bytes); err != nil {
			t.Fatal(err)
		}
		if err := rpc.FromError(a.receive()); param.KindOf(err) != x.kind {
			t.Errorf("%s: %v %v", name, param.KindOf(err), err)
		}
		goOn(name)
	}
	// Those that only concern themselves.
	for name, b := range map[string][]byte{
		"2^32 keys":        edit(list, func(b []byte) { le.PutUint32(b[40:], 1<<32-1) }),
		"a long run":       edit(list, func(b []byte) { b[38] = 3; le.PutUint32(b[40:], 1<<31) }),
		"keys beyond":      bytesOf(t, many),
		"a width of 33":    edit(list, func(b []byte) { b[80] = 33 }),
		"a width too much": edit(list, func(b []byte) { b[80] = 8 }),
	} {
		a := openRaw(t, c)
		if err := a.SendMsg(b); err != nil {
			t.Fatal(err)
		}
		if _, kind := a.kind(); kind != param.Invalid {
			t.Errorf("%s: %v", name, kind)
		}
		goOn(name)
	}
	unknown := openRaw(t, c)
	if err := unknown.SendMsg(edit(list, func(b []byte) { b[38] = 2 })); err != nil {
		t.Fatal(err)
	}
	if r := unknown.next(); !r.Unknown {
		t.Errorf("a list that was never sent: %+v", r)
	}
	for range 200 {
		a := openRaw(t, c)
		b := bytesOf(t, list, many, push(3, 0, 0))
		for range 1 + random.IntN(8) {
			b[8+random.IntN(len(b)-8)] = byte(random.Uint32())
		}
		if err := a.SendMsg(seal(b)); err != nil {
			t.Fatal(err)
		}
		_ = a.CloseSend()
		for err := error(nil); err == nil; err = a.receive() {
		}
		a.cancel()
	}
	goOn("noise")
	fence := openRaw(t, c)
	stale := push(9, 1, 0)
	stale.Term = 0
	if err := fence.SendMsg(bytesOf(t, stale)); err != nil {
		t.Fatal(err)
	}
	if _, kind := fence.kind(); kind != param.Stale {
		t.Errorf("an old term: %v", kind)
	}
}

func flip(b []byte) []byte {
	b[40] ^= 4
	return b
}

func claim(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[8:], 1<<32-1)
	return b
}

// TestNeverReads: a peer that asks and never reads is not read any more when so
// many answers wait for it, and others go on.
func TestNeverReads(t *testing.T) {
	t.Parallel()
	s := New()
	big := spec(t, 0, 1)
	big.Span.Hi = 1 << 18 // 1 MB an answer
	if err := s.Create("j", 0, ranges(big)); err != nil {
		t.Fatal(err)
	}
	c := serve(t, rpc.TCP{}, s)
	slow, other := open(t, c), open(t, c)
	r := pull(1, 0, 0)
	for i := range uint32(1 << 18) {
		r.Offsets = append(r.Offsets[:i], i)
	}
	const asks = 300
	var answered int64
	h, err := s.hosted("j", 0)
	if err != nil {
		t.Fatal(err)
	}
	for range asks {
		slow.send(r)
	}
	for last := int64(-1); last != answered; { // until it makes no more answers
		last = answered
		other.send(pull(2, 0, 0))
		other.next()
		<-time.After(50 * time.Millisecond)
		answered = h.pulled.Load() >> 20
	}
	// What waits in the server, the window of the connection, and what is on its way.
	if n := answered; n > 64+64+8 {
		t.Errorf("%d of %d answers were made", n, asks)
	}
	for range asks {
		if x := slow.next(); len(x.Values) != 1<<18 {
			t.Fatalf("%d values", len(x.Values))
		}
	}
}
