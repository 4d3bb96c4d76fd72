// Package node assembles a running node out of its parts: listener, services,
// membership, coordinator, parameter server and agent. The command line makes
// one a process; embedded mode and tests make several in one process over an
// in-memory network. They all run the same code.
package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"parley/coordinator"
	"parley/coordinator/coordserver"
	"parley/datashard"
	"parley/internal/agent"
	"parley/internal/cluster"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps/psserver"
)

// The roles of a node.
const (
	Coordinator = "coordinator"
	Server      = "ps"
	Trainer     = "trainer"
)

// Roles are all of them.
var Roles = []string{Coordinator, Server, Trainer}

// Config says what a node is.
type Config struct {
	Network rpc.Network
	Bind    string   // host:port; port 0 picks one
	Roles   []string // at least one
	Label   string   // of the cluster: nodes of another one are refused
	DataDir string   // for models and temporary files; made when it is missing
	// Blocks keeps parsed rows on disk for jobs that want it; nil: nobody does.
	Blocks datashard.Blocks
	// JobsDir is where a coordinator writes its jobs down; empty: nowhere.
	JobsDir  string
	Version  string
	Limits   coordinator.Limits
	Room     coordserver.Room // how many jobs a coordinator takes; the zero value is its default
	Insecure bool             // addresses may lie beyond loopback
	HTTP     string           // host:port of the HTTP endpoint; empty for none
	Pprof    bool             // the endpoint serves profiles of the process
	// Gossip finds the other nodes; without it Peer is the coordinator's address.
	Gossip *Gossip
	Peer   string
	// Library is shared by the nodes of one process; nil makes one.
	Library *agent.Library
	Logger  *slog.Logger
}

// Gossip says how a node finds others.
type Gossip struct {
	Bind      string   // host:port; empty: Bind's host and the next port
	Advertise string   // host that others dial; empty: Bind's
	Join      []string // bind addresses of some other nodes
}

// Node is an assembled node.
type Node struct {
	config   Config
	name     param.NodeID
	address  string // others dial it
	members  members
	listener rpc.Listener
	server   *rpc.Server
	agent    *agent.Agent
	coord    *coordserver.Server // nil without the role
	http     net.Listener        // nil without the endpoint
	remote   *Remote
}

// members is what a node knows of the others.
type members interface {
	Run(ctx context.Context) error
	// Coordinator returns the address of the coordinator, empty while there is
	// none, and whether it is this node.
	Coordinator() (bind string, self bool)
	Gossip() string
	Members() []*parleyv1.Member
}

// New takes the addresses and assembles the node; Run makes it work. When the
// address is taken the error is rpc.ErrInUse.
func New(config Config) (*Node, error) {
	if err := validate(&config); err != nil {
		return nil, err
	}
	listener, err := config.Network.Listen(config.Bind)
	if err != nil {
		return nil, err
	}
	n := &Node{config: config, listener: listener, address: advertised(config, listener.Addr())}
	n.name = nameOf(n.address)
	if n.members, err = n.makeMembers(); err != nil {
		listener.Close()
		return nil, err
	}
	n.assemble()
	if config.HTTP != "" {
		if err := n.listenHTTP(); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

func validate(c *Config) error {
	for _, r := range c.Roles {
		if !slices.Contains(Roles, r) {
			return param.Errorf(param.Invalid, "unknown role %q: the roles are %v", r, Roles)
		}
	}
	if len(c.Roles) == 0 {
		return param.Errorf(param.Invalid, "a node needs a role: %v", Roles)
	}
	if err := checkAddress("bind", c.Bind, c.Insecure); err != nil {
		return err
	}
	if host, _, _ := net.SplitHostPort(c.Bind); c.Gossip != nil && c.Gossip.Advertise == "" && unspecified(host) {
		return param.Errorf(param.Invalid, "bind address %s means all interfaces: say with --advertise by which of this machine's names or addresses others reach it", c.Bind)
	}
	if err := os.MkdirAll(filepath.Join(c.DataDir, "jobs"), 0o755); err != nil {
		return param.Errorf(param.Invalid, "data folder: %w", err)
	}
	return nil
}

// unspecified reports whether a host stands for all interfaces.
func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// checkAddress refuses what is no host:port, and what lies beyond loopback without
// the user's consent.
func checkAddress(what, address string, insecure bool) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return param.Errorf(param.Invalid, "%s address %q is not host:port: give one such as 127.0.0.1:7700", what, address)
	}
	if err := rpc.CheckBind(address, insecure); err != nil {
		return param.Errorf(param.Invalid, "%w", err)
	}
	return nil
}

// advertised is the address that others dial.
func advertised(c Config, bound string) string {
	if c.Gossip == nil || c.Gossip.Advertise == "" {
		return bound
	}
	_, port, err := net.SplitHostPort(bound)
	if err != nil {
		return bound
	}
	return net.JoinHostPort(c.Gossip.Advertise, port)
}

// nameOf makes a name that is new with every start of the process: a node that
// was restarted is another node, with none of the state of the first.
func nameOf(address string) param.NodeID {
	var b [2]byte
	rand.Read(b[:])
	return param.NodeID(address + "-" + hex.EncodeToString(b[:]))
}

func (n *Node) makeMembers() (members, error) {
	if n.config.Gossip == nil {
		return static{peer: n.config.Peer, self: n}, nil
	}
	return newGossip(n)
}

func (n *Node) has(role string) bool { return slices.Contains(n.config.Roles, role) }

// assemble makes the services that the roles ask for.
func (n *Node) assemble() {
	logger := n.config.Logger.With("node", n.name)
	ranges := psserver.New()
	library := n.config.Library
	if library == nil {
		library = agent.NewLibrary()
	}
	n.remote = NewRemote(logger)
	n.agent = agent.New(agent.Config{Node: n.name, Label: n.config.Label, Roles: n.config.Roles, Bind: n.address, Version: n.config.Version,
		Blocks: n.config.Blocks, Remote: n.remote, Checkpoints: n.remote.Checkpoints, Model: n.remote.Model, DataDir: n.config.DataDir, Network: n.config.Network, Ranges: ranges, Library: library, Logger: logger,
		Coordinator: func() string { bind, _ := n.members.Coordinator(); return bind }})
	services := []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) { parleyv1.RegisterClusterServer(r, &describer{node: n}) }}
	if n.has(Server) {
		services = append(services, func(r grpc.ServiceRegistrar) {
			psserver.Register(r, ranges)
			parleyv1.RegisterHandoverServer(r, n.agent.Handovers())
		})
	}
	if n.has(Server) || n.has(Coordinator) {
		services = append(services, func(r grpc.ServiceRegistrar) { parleyv1.RegisterModelsServer(r, &relay{node: n}) })
	}
	if n.has(Coordinator) {
		n.coord = coordserver.New(coordserver.Config{Node: n.name, Label: n.config.Label, Version: n.config.Version, Leader: n.members.Coordinator,
			Lease: coordserver.DefaultLease, ServerLease: coordserver.DefaultServerLease, Limits: n.config.Limits, Room: n.config.Room, Dir: n.config.JobsDir, Logger: logger})
		services = append(services, func(r grpc.ServiceRegistrar) {
			parleyv1.RegisterControlServer(r, n.coord)
			parleyv1.RegisterJobsServer(r, n.coord)
		})
	}
	n.server = rpc.NewServer(rpc.ServerConfig{Listener: n.listener, Services: services, Logger: logger})
}

// Name returns the node's name in the cluster.
func (n *Node) Name() param.NodeID { return n.name }

// Address returns the address that others dial.
func (n *Node) Address() string { return n.address }

// Registered is closed when the node has a coordinator for the first time.
func (n *Node) Registered() <-chan struct{} { return n.agent.Registered() }

// Close gives the addresses of a node back that was never run.
func (n *Node) Close() {
	n.server.Kill()
	n.remote.Close()
	if n.http != nil {
		n.http.Close()
	}
	if g, ok := n.members.(*gossip); ok {
		g.cluster.Kill()
	}
}

// Gossip returns the gossip address, empty without gossip.
func (n *Node) Gossip() string { return n.members.Gossip() }

// Run works until ctx ends or a part fails, and returns when all parts have
// ended.
func (n *Node) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.server.Run(ctx) })
	group.Go(func() error { return n.members.Run(ctx) })
	group.Go(func() error { return n.agent.Run(ctx) })
	if n.http != nil {
		group.Go(func() error { return n.serveHTTP(ctx) })
	}
	if n.coord != nil {
		group.Go(func() error { return n.coord.Run(ctx) })
	}
	defer n.remote.Close()
	return group.Wait()
}

// Drain gives the node's work back to the cluster. It returns when that is done,
// or with ctx.
func (n *Node) Drain(ctx context.Context) { n.agent.Drain(ctx) }

// describer answers questions about the cluster.
type describer struct {
	parleyv1.UnimplementedClusterServer
	node *Node
}

// Describe tells who the node is and where the coordinator is. A node of another
// cluster that wants to join is refused.
func (d *describer) Describe(_ context.Context, r *parleyv1.DescribeRequest) (*parleyv1.DescribeReply, error) {
	n := d.node
	if l := r.GetLabel(); l != "" && l != n.config.Label {
		n.config.Logger.Warn("refused a node of another cluster that wanted to join", "its_label", l, "label", n.config.Label)
		return nil, param.Errorf(param.Invalid, "node %s is of cluster %q, not %q: give the agent the same --label", n.name, n.config.Label, l)
	}
	bind, _ := n.members.Coordinator()
	return &parleyv1.DescribeReply{Node: string(n.name), Label: n.config.Label, Gossip: n.members.Gossip(), Coordinator: bind,
		Version: n.config.Version, Members: n.members.Members()}, nil
}

// static is the membership of nodes that are told where the coordinator is.
type static struct {
	peer string
	self *Node
}

func (s static) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (s static) Coordinator() (string, bool) {
	if s.self.has(Coordinator) {
		return s.self.address, true
	}
	return s.peer, false
}

func (s static) Gossip() string { return "" }

func (s static) Members() []*parleyv1.Member {
	return []*parleyv1.Member{{Node: string(s.self.name), Bind: s.self.address, Roles: s.self.config.Roles}}
}

// describeWithin bounds the question for a seed's gossip address.
const describeWithin = 2 * time.Second

var (
	// ErrOtherCluster says that a seed belongs to another cluster.
	ErrOtherCluster = errors.New("refused by another cluster")
	// ErrGossipInUse says that the gossip address is taken.
	ErrGossipInUse = cluster.ErrInUse
)

// seedGossip asks a node, by its bind address, for its gossip address.
func seedGossip(ctx context.Context, network rpc.Network, bind, label string) (string, error) {
	conn, err := network.Dial(bind, rpc.Control)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, describeWithin)
	defer cancel()
	d, err := parleyv1.NewClusterClient(conn).Describe(ctx, &parleyv1.DescribeRequest{Label: label})
	if param.KindOf(err) == param.Invalid {
		return "", fmt.Errorf("%w: %w", ErrOtherCluster, err)
	}
	return d.GetGossip(), err
}
