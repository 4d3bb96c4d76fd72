package main

import (
	"net"
	"sync"
	"time"
)

// idle is how long the way back of a sender is kept open.
const idle = time.Minute

// maxDatagram is the longest datagram that UDP carries.
const maxDatagram = 64 << 10

// serveUDP forwards datagrams to target, and answers back to whoever has sent, until the socket fails.
func serveUDP(socket net.PacketConn, target string, there, back *link) error {
	var senders sync.Map // of address to the connection to target
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return err
		}
		known, ok := senders.Load(from.String())
		if !ok {
			c, err := net.Dial("udp", target)
			if err != nil {
				continue // as if it were lost
			}
			known = c
			senders.Store(from.String(), known)
			go func() {
				defer senders.Delete(from.String())
				answers(c, func(data []byte) { socket.WriteTo(data, from) }, back)
			}()
		}
		c := known.(net.Conn)
		c.SetReadDeadline(time.Now().Add(idle))
		there.throw(buffer[:n], func(data []byte) { c.Write(data) })
	}
}

// answers forwards what comes back over c until it was idle.
func answers(c net.Conn, write func([]byte), back *link) {
	defer c.Close()
	buffer := make([]byte, maxDatagram)
	for {
		n, err := c.Read(buffer)
		if err, ok := err.(net.Error); ok && err.Timeout() {
			return
		}
		if n > 0 {
			back.throw(buffer[:n], write)
		}
	}
}

// throw writes a copy of the datagram when it arrives, unless it is lost.
func (l *link) throw(datagram []byte, write func([]byte)) {
	now := time.Now()
	_, arrives := l.send(now, len(datagram))
	if l.loses(len(datagram)) {
		return
	}
	data := append([]byte(nil), datagram...)
	time.AfterFunc(arrives.Sub(now), func() { write(data) })
}
