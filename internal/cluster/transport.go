package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"
)

// maxPacket is the largest datagram that UDP carries.
const maxPacket = 64 << 10

// receiveBuffer holds the packets of a burst; the kernel may grant less.
const receiveBuffer = 2 << 20

// transport is memberlist's way to the network. memberlist has one of its own,
// but that starts goroutines as it takes the sockets, hides the reason when it
// cannot, and leaves connections open that a shutdown should cut.
type transport struct {
	tcp    *net.TCPListener
	udp    *net.UDPConn
	addr   netip.AddrPort // advertised
	packet chan *memberlist.Packet
	stream chan net.Conn

	ctx context.Context // ends with cut, and the dials under way with it
	end context.CancelFunc
	wg  sync.WaitGroup

	mu struct {
		sync.Mutex
		open map[*trackedConn]struct{}
	}
}

// listen takes the TCP and UDP port of the configuration.
func listen(cfg *Config) (*transport, error) {
	ip, err := netip.ParseAddr(cfg.BindAddr)
	if err != nil {
		return nil, fmt.Errorf("the address to listen on must be an IP address: %w", err)
	}
	t := &transport{packet: make(chan *memberlist.Packet), stream: make(chan net.Conn)}
	t.mu.open = map[*trackedConn]struct{}{}
	t.ctx, t.end = context.WithCancel(context.Background())
	if err := t.bind(ip, cfg.BindPort); err != nil {
		return nil, err
	}
	if t.addr, err = advertise(cfg, ip, t.tcp.Addr().(*net.TCPAddr).Port); err != nil {
		t.cut()
		return nil, err
	}
	return t, nil
}

// bind takes the same port for TCP and UDP. A port that the system picks for
// TCP may be taken for UDP: then it tries another.
func (t *transport) bind(ip netip.Addr, port int) (err error) {
	for range 10 {
		if t.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port)))); err != nil {
			return bindError(err, ip, port, "TCP")
		}
		got := t.tcp.Addr().(*net.TCPAddr).Port
		if t.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(got)))); err == nil {
			_ = t.udp.SetReadBuffer(receiveBuffer)
			return nil
		}
		_ = t.tcp.Close()
		err = bindError(err, ip, got, "UDP")
		if port != 0 {
			break
		}
	}
	return err
}

func bindError(err error, ip netip.Addr, port int, proto string) error {
	addr := netip.AddrPortFrom(ip, uint16(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s (%s): %w: stop the process that has it or choose another address", addr, proto, ErrInUse)
	}
	return fmt.Errorf("listen on %s (%s): %w", addr, proto, err)
}

func (t *transport) advertised() string { return t.addr.String() }

// run starts to receive.
func (t *transport) run() {
	t.wg.Go(t.accept)
	t.wg.Go(t.receive)
}

func (t *transport) accept() {
	for t.ctx.Err() == nil {
		c, err := t.tcp.Accept()
		if err != nil {
			t.pause()
			continue
		}
		select {
		case t.stream <- t.track(c):
		case <-t.ctx.Done():
			_ = c.Close()
		}
	}
}

func (t *transport) receive() {
	buf := make([]byte, maxPacket)
	for t.ctx.Err() == nil {
		n, from, err := t.udp.ReadFrom(buf)
		if err != nil {
			t.pause()
			continue
		}
		if n == 0 {
			continue
		}
		p := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: time.Now()}
		select {
		case t.packet <- p:
		case <-t.ctx.Done():
		}
	}
}

// pause keeps a failing socket (out of file descriptors, say) from spinning.
func (t *transport) pause() {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-t.ctx.Done():
	}
}

// cut closes everything; nothing is sent or received any more.
func (t *transport) cut() {
	t.end()
	_ = t.tcp.Close()
	_ = t.udp.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.mu.open {
		_ = c.Conn.Close()
	}
}

// Shutdown implements memberlist.Transport.
func (t *transport) Shutdown() error {
	t.cut()
	t.wg.Wait()
	return nil
}

// FinalAdvertiseAddr implements memberlist.Transport; New has fixed the address.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.addr.Addr().AsSlice(), int(t.addr.Port()), nil
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packet }

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.stream }

// WriteTo implements memberlist.Transport; addr is an IP address with a port.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("send to %q: %w", addr, err)
	}
	_, err = t.udp.WriteToUDPAddrPort(b, to)
	return time.Now(), err
}

// WriteToAddress implements memberlist.NodeAwareTransport.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, a.Addr)
}

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	c, err := d.DialContext(t.ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return t.track(c), nil
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(a.Addr, timeout)
}

// track notes a connection for cut.
func (t *transport) track(c net.Conn) net.Conn {
	tc := &trackedConn{Conn: c, t: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.open[tc] = struct{}{}
	if t.ctx.Err() != nil {
		_ = c.Close()
	}
	return tc
}

type trackedConn struct {
	net.Conn
	t *transport
}

func (c *trackedConn) Close() error {
	c.t.mu.Lock()
	delete(c.t.mu.open, c)
	c.t.mu.Unlock()
	return c.Conn.Close()
}

// advertise finds the address under which the others reach this node, which is
// bound to ip and port.
func advertise(cfg *Config, ip netip.Addr, port int) (netip.AddrPort, error) {
	if cfg.AdvertisePort != 0 {
		port = cfg.AdvertisePort
	}
	var err error
	switch {
	case cfg.AdvertiseAddr != "":
		ip, err = resolve(cfg.AdvertiseAddr)
	case ip.IsUnspecified():
		ip, err = privateAddr()
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), err
}

// resolve looks a host up once: gossip carries IP addresses alone.
func resolve(host string) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up the address to advertise, %s: %w", strconv.Quote(host), err)
	}
	return ips[0], nil
}

// privateAddr returns the first private address of this machine.
func privateAddr() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, perr := netip.ParsePrefix(a.String()); perr == nil && p.Addr().IsPrivate() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, errors.Join(err, errors.New("this machine has no private address: say which one to advertise"))
}
