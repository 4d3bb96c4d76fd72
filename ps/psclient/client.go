// Package psclient is what trainers call: it routes a job's requests to the
// servers of its ranges, keeps them until they are answered, and sends them
// again when a connection breaks. The servers apply each once.
//
// A Client serves one job and implements trainer.Servers. It is safe for
// concurrent use.
package psclient

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/trainer"
)

// Config says where a job's ranges are.
type Config struct {
	Job     param.JobID
	Servers []string // address by range
	// Dial returns the connection to an address; connections are shared and stay
	// the dialler's.
	Dial   func(address string) (grpc.ClientConnInterface, error)
	Logger *slog.Logger
}

// Client is a job's connection to its parameter servers.
type Client struct {
	config Config
	links  map[string]*link // by address
}

// New returns a client. Run makes it work.
func New(config Config) *Client {
	c := &Client{config: config, links: map[string]*link{}}
	for _, a := range config.Servers {
		if c.links[a] == nil {
			c.links[a] = newLink(config, a)
		}
	}
	return c
}

// Run keeps a stream to each server open until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, l := range c.links {
		group.Go(func() { l.run(ctx) })
	}
	group.Wait()
	return nil
}

// Send implements trainer.Servers.
func (c *Client) Send(ctx context.Context, requests []*trainer.Request, reply func(trainer.Reply)) {
	for _, r := range requests {
		c.links[c.config.Servers[r.Range]].enqueue(ctx, r, reply)
	}
}

// Weights implements trainer.Servers.
func (c *Client) Weights(ctx context.Context) ([]float32, error) {
	var weights []float32
	for i := range c.config.Servers {
		err := c.Range(ctx, param.RangeID(i), func(piece []float32) error {
			weights = append(weights, piece...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return weights, nil
}

// Range reads the weights of one range in pieces, in key order.
func (c *Client) Range(ctx context.Context, id param.RangeID, piece func([]float32) error) error {
	conn, err := c.config.Dial(c.config.Servers[id])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // ends the stream also when piece fails
	defer cancel()
	stream, err := parleyv1.NewParametersClient(conn).Read(ctx, &parleyv1.ReadRequest{Job: string(c.config.Job), Range: uint32(id)})
	if err != nil {
		return rpc.FromError(err)
	}
	for {
		m, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read range %d from %s: %w", id, c.config.Servers[id], rpc.FromError(err))
		}
		if err := piece(m.GetWeights()); err != nil {
			return err
		}
	}
}
