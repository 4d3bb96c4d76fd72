package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"parley/internal/cluster"
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// gossip is the membership of a cluster of agents: members come and go.
type gossip struct {
	node    *Node
	cluster *cluster.Cluster
}

func newGossip(n *Node) (*gossip, error) {
	g := &gossip{node: n}
	host, port, err := gossipAddress(n)
	if err != nil {
		return nil, err
	}
	if err := checkAddress("gossip", net.JoinHostPort(host, strconv.Itoa(port)), n.config.Insecure); err != nil {
		return nil, err
	}
	g.cluster, err = cluster.New(cluster.Config{
		Name: string(n.name), Label: n.config.Label, BindAddr: host, BindPort: port, AdvertiseAddr: n.config.Gossip.Advertise,
		Meta:  cluster.Meta{Roles: n.config.Roles, Bind: n.address, Started: time.Now().UnixNano(), Version: n.config.Version},
		Seeds: g.seeds, Logger: n.config.Logger.With("node", n.name),
	})
	if errors.Is(err, cluster.ErrInUse) && n.config.Gossip.Bind == "" {
		err = fmt.Errorf("%w: give the agent another one with --gossip", err)
	}
	return g, err
}

// gossipAddress is the one that was asked for, or the port after the bind
// address's. When that port was picked by the system, the next one is anybody's,
// so gossip has one picked too.
func gossipAddress(n *Node) (host string, port int, err error) {
	address := n.config.Gossip.Bind
	if address == "" {
		address = n.listener.Addr()
	}
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		return "", 0, param.Errorf(param.Invalid, "gossip address %q is not host:port: give one such as 127.0.0.1:7701", address)
	}
	if n.config.Gossip.Bind != "" {
		return host, port, nil
	}
	if _, asked, _ := net.SplitHostPort(n.config.Bind); asked == "0" {
		return host, 0, nil
	}
	return host, port + 1, nil
}

// Run gossips until ctx ends.
func (g *gossip) Run(ctx context.Context) error { return g.cluster.Run(ctx) }

// Gossip is the address to join by.
func (g *gossip) Gossip() string { return g.cluster.Addr() }

// seeds asks the nodes of --join for their gossip addresses. Nodes that have
// restarted answer with another one, so it asks each time.
func (g *gossip) seeds(ctx context.Context) []string {
	var seeds []string
	for _, bind := range g.node.config.Gossip.Join {
		address, err := seedGossip(ctx, g.node.config.Network, bind, g.node.config.Label)
		if err != nil {
			g.node.config.Logger.Debug("seed does not answer", "seed", bind, "error", err)
			continue
		}
		seeds = append(seeds, address)
	}
	return seeds
}

// Coordinator is the oldest live member with the role. It is a hint by which
// nodes find the same one: what it says counts by the sessions that it has.
func (g *gossip) Coordinator() (bind string, self bool) {
	var oldest *cluster.Member
	for _, m := range g.cluster.Members() {
		if !slices.Contains(m.Roles, Coordinator) {
			continue
		}
		if oldest == nil || m.Started < oldest.Started || m.Started == oldest.Started && m.Name < oldest.Name {
			oldest = &m
		}
	}
	if oldest == nil {
		return "", false
	}
	return oldest.Bind, oldest.Name == string(g.node.name)
}

// Members returns who is there.
func (g *gossip) Members() (out []*parleyv1.Member) {
	for _, m := range g.cluster.Members() {
		out = append(out, &parleyv1.Member{Node: m.Name, Bind: m.Bind, Roles: m.Roles})
	}
	return out
}

// CheckSeeds asks the nodes of --join before the agent starts. It is an error
// when one of them refuses this node; that none answers is not: they may come.
func (n *Node) CheckSeeds(ctx context.Context) error {
	if n.config.Gossip == nil {
		return nil
	}
	for _, bind := range n.config.Gossip.Join {
		if _, err := seedGossip(ctx, n.config.Network, bind, n.config.Label); errors.Is(err, ErrOtherCluster) {
			return err
		}
	}
	return nil
}
