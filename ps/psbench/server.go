package psbench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/ps"
	"parley/ps/optim"
	"parley/ps/psserver"
)

const (
	denseKeys = 1 << 18 // of a range: 1 MB
	smallKeys = 1 << 8  // 1 KB
)

// jobOf names a client's job of a kind: "dense", "small" or "sparse".
func jobOf(kind string, client int) param.JobID {
	return param.JobID(fmt.Sprintf("%s-%d", kind, client))
}

// Serve is a server process: it has a range of each job, until in ends or ctx.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	decoder := json.NewDecoder(in)
	var order serverOrder
	if err := decoder.Decode(&order); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	ranges := psserver.New()
	if err := createAll(ranges, order); err != nil {
		return err
	}
	listener, err := (rpc.TCP{}).Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){
		func(r grpc.ServiceRegistrar) { psserver.Register(r, ranges) }}})
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { sinks(ctx, raw) })
	group.Go(func() { // the other side closes it when it is done with us
		_, _ = io.Copy(io.Discard, decoder.Buffered())
		_, _ = io.Copy(io.Discard, in)
		cancel()
	})
	if err := json.NewEncoder(out).Encode(addresses{Data: server.Addr(), Raw: raw.Addr().String()}); err != nil {
		return err
	}
	return server.Run(ctx)
}

// kinds are the jobs of a client. A penalty, if only of 0 keys, makes a range walk
// all its keys in every round, which suits those that are pushed as a whole.
func kinds(o serverOrder) []kind {
	return []kind{{"dense", denseKeys, 1}, {"small", smallKeys, 1}, {"sparse", 1 << o.Space / o.Servers, 0}}
}

type kind struct {
	name string
	keys int
	l2   float64
}

func createAll(s *psserver.Server, o serverOrder) error {
	for _, k := range kinds(o) {
		rule, err := optim.New(optim.Settings{Kind: "sgd", Rate: 0.1, L2: k.l2})
		if err != nil {
			return err
		}
		lo := param.Key(o.Index * k.keys)
		spec := ps.Spec{ID: param.RangeID(o.Index), Span: param.Span{Lo: lo, Hi: lo + param.Key(k.keys)}, Workers: 1, PerTally: 1 << 40, Rule: rule}
		for c := range o.Clients {
			if err := s.Create(jobOf(k.name, c), 0, []*ps.Range{ps.NewRange(spec)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sinks reads what plain connections send and says how much it was.
func sinks(ctx context.Context, l net.Listener) {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		group.Go(func() { sink(ctx, c) })
	}
}

func sink(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()
	var n uint64
	for buf := make([]byte, rawBytes); ; {
		k, err := c.Read(buf)
		n += uint64(k)
		if err != nil {
			break
		}
	}
	_ = binary.Write(c, binary.LittleEndian, n)
}
