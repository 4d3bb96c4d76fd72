package agent

import (
	"sync"

	"parley/internal/rpc"
)

// dialer shares connections: one an address and class.
type dialer struct {
	network rpc.Network
	mu      struct {
		sync.Mutex
		conns map[target]rpc.Conn
	}
}

type target struct {
	address string
	class   rpc.Class
}

func newDialer(network rpc.Network) *dialer {
	d := &dialer{network: network}
	d.mu.conns = map[target]rpc.Conn{}
	return d
}

func (d *dialer) dial(address string, class rpc.Class) (rpc.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := target{address, class}
	if c := d.mu.conns[t]; c != nil {
		return c, nil
	}
	c, err := d.network.Dial(address, class)
	if err == nil {
		d.mu.conns[t] = c
	}
	return c, err
}

func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.mu.conns {
		c.Close()
	}
	clear(d.mu.conns)
}
