package psbench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/ps/psclient"
	"parley/trainer"
)

// rawBytes is the size of a message of the plain copy.
const rawBytes = 1 << 20

// Drive is a client process: it measures what it is told to until in ends or ctx.
func Drive(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	d := &driver{ctx: ctx, conns: map[string]rpc.Conn{}}
	if err := decoder.Decode(&d.order); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	defer d.close()
	defer cancel()
	d.prepare()
	for {
		var name string
		if err := decoder.Decode(&name); errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		x, err := d.measure(name)
		if err != nil {
			x.Err = err.Error()
		}
		if err := encoder.Encode(x); err != nil {
			return err
		}
	}
}

// driver is a client process.
type driver struct {
	ctx   context.Context
	order clientOrder
	group sync.WaitGroup

	dense, small, sparse *load

	mu    sync.Mutex
	conns map[string]rpc.Conn
}

func (d *driver) prepare() {
	d.dense = d.load("dense", denseKeys, nil)
	d.small = d.load("small", smallKeys, nil)
	d.sparse = d.load("sparse", sparseKeys/len(d.order.Servers), newLists(d.order.Index, sparseKeys/len(d.order.Servers), 1<<d.order.Space/len(d.order.Servers)))
}

func (d *driver) close() {
	d.group.Wait()
	for _, c := range d.conns {
		_ = c.Close()
	}
}

// load returns a job of the client. Its requests have n keys, of the lists or, if
// there are none, the first ones of each range.
func (d *driver) load(kind string, n int, l *lists) *load {
	config := psclient.Config{Job: jobOf(kind, d.order.Index), Dial: d.dial, Logger: slog.New(slog.DiscardHandler)}
	for _, a := range d.order.Servers {
		config.Servers = append(config.Servers, a.Data)
	}
	x := &load{ctx: d.ctx, client: psclient.New(config), lists: l, rounds: make([]param.Round, len(config.Servers)), change: make([]float32, n)}
	if l == nil {
		x.lists = firstKeys(n)
	}
	for i := range x.change {
		x.change[i] = float32(i%100) / 1000
	}
	d.group.Go(func() { _ = x.client.Run(d.ctx) })
	return x
}

func (d *driver) dial(address string) (grpc.ClientConnInterface, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns[address] == nil {
		c, err := (rpc.TCP{}).Dial(address, rpc.Data)
		if err != nil {
			return nil, err
		}
		d.conns[address] = c
	}
	return d.conns[address], nil
}

// flight is how many requests of a phase are under way at a time.
var flight = map[string]int{"dense-push": 6, "dense-pull": 6, "sparse-push": 6, "sparse-pull": 6, "sparse-push-new": 6, "sparse-pull-new": 6, "small": 256, "single": 1}

func (d *driver) measure(name string) (figures, error) {
	long := time.Duration(d.order.Seconds * float64(time.Second))
	if name == "raw" {
		return d.raw(long)
	}
	l, next := d.small, d.small.alternate
	switch name {
	case "dense-push":
		l, next = d.dense, d.dense.push
	case "dense-pull":
		l, next = d.dense, d.dense.pull
	case "sparse-push":
		l, next = d.sparse, d.sparse.push
	case "sparse-pull":
		l, next = d.sparse, d.sparse.pull
	case "sparse-push-new":
		l, next = d.sparse, fresh(d.sparse, d.sparse.push)
	case "sparse-pull-new":
		l, next = d.sparse, fresh(d.sparse, d.sparse.pull)
	}
	if _, err := l.run(long/5, flight[name], next); err != nil { // lists become known, pools full
		return figures{}, err
	}
	before := l.client.Stats()
	x, err := l.run(long, flight[name], next)
	x.Wire = float64(l.client.Stats().Pushed - before.Pushed)
	return x, err
}

// raw copies over TCP to all servers in turn.
func (d *driver) raw(long time.Duration) (x figures, err error) {
	var conns []*net.TCPConn
	for _, a := range d.order.Servers {
		c, err := (&net.Dialer{}).DialContext(d.ctx, "tcp", a.Raw)
		if err != nil {
			return x, err
		}
		defer c.Close()
		conns = append(conns, c.(*net.TCPConn))
	}
	buf, began := make([]byte, rawBytes), time.Now()
	for i := 0; time.Since(began) < long && d.ctx.Err() == nil; i++ {
		if _, err := conns[i%len(conns)].Write(buf); err != nil {
			return x, err
		}
	}
	for _, c := range conns {
		if err := c.CloseWrite(); err != nil {
			return x, err
		}
		var n uint64
		if err := binary.Read(c, binary.LittleEndian, &n); err != nil {
			return x, err
		}
		x.Bytes += float64(n)
	}
	x.Seconds = time.Since(began).Seconds()
	return x, nil
}

// load is a job that requests go to.
type load struct {
	ctx    context.Context
	client *psclient.Client
	lists  *lists
	rounds []param.Round // by range: the next one to push for
	change []float32
	count  int
}

func (l *load) target() (int, trainer.Request) {
	i := l.count % len(l.rounds)
	l.count++
	return i, trainer.Request{Range: param.RangeID(i), Term: 1, Round: l.rounds[i], Offsets: l.lists.next()}
}

func (l *load) push() *trainer.Request {
	i, r := l.target()
	l.rounds[i]++
	r.Push, r.Change, r.Rows = true, l.change, 1
	return &r
}

func (l *load) pull() *trainer.Request {
	_, r := l.target()
	return &r
}

func (l *load) alternate() *trainer.Request {
	if l.count%(2*len(l.rounds)) < len(l.rounds) {
		return l.push()
	}
	return l.pull()
}

// fresh makes requests with key lists that have not been sent.
func fresh(l *load, next func() *trainer.Request) func() *trainer.Request {
	return func() *trainer.Request {
		r := next()
		r.Offsets = l.lists.fresh()
		return r
	}
}

// run keeps n requests under way for a time, and waits for the last.
func (l *load) run(long time.Duration, n int, next func() *trainer.Request) (x figures, err error) {
	replies := make(chan trainer.Reply, n) // never full: as many as requests
	var took []float64
	open := 0
	began := time.Now()
	sent := began
	for {
		for ; open < n && time.Since(began) < long; open++ {
			sent = time.Now()
			r := next()
			x.Keys += float64(len(r.Offsets))
			l.client.Send(l.ctx, []*trainer.Request{r}, func(r trainer.Reply) { replies <- r })
		}
		if open == 0 {
			break
		}
		select {
		case r := <-replies:
			if r.Err != nil {
				return x, r.Err
			}
			if r.Done != nil {
				r.Done()
			}
			l.lists.back(r.Request.Offsets)
		case <-l.ctx.Done():
			return x, context.Cause(l.ctx)
		}
		open--
		x.Ops++
		if n == 1 {
			took = append(took, float64(time.Since(sent).Nanoseconds())/1e3)
		}
	}
	x.Seconds, x.Bytes = time.Since(began).Seconds(), 4*x.Keys
	if slices.Sort(took); len(took) > 0 {
		x.P50, x.P99 = took[len(took)/2], took[len(took)*99/100]
	}
	return x, nil
}
