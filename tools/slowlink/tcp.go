package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// chunk is read at once: 13 ms at 10 Mbit/s, so that connections take turns.
const chunk = 16 << 10

// inFlight bounds the chunks on the way: 64 MB, more than any delay times bandwidth here.
const inFlight = 4096

// piece is on its way over a link.
type piece struct {
	data    []byte
	arrives time.Time
}

// serveTCP forwards connections to target until the listener fails.
func serveTCP(l net.Listener, target string, there, back *link) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go connect(c, target, there, back)
	}
}

// connect forwards one connection, in both directions, until both have ended.
func connect(near net.Conn, target string, there, back *link) {
	defer near.Close()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { there.pipe(far.(*net.TCPConn), near.(*net.TCPConn)) })
	both.Go(func() { back.pipe(near.(*net.TCPConn), far.(*net.TCPConn)) })
	both.Wait()
}

// pipe copies from src to dst over the link. What waits for bandwidth waits in the buffers of src.
func (l *link) pipe(dst, src *net.TCPConn) {
	flying := make(chan piece, inFlight)
	var delivered sync.WaitGroup
	delivered.Go(func() { deliver(dst, src, flying) })
	var last time.Time
	for {
		buffer := make([]byte, chunk)
		n, err := src.Read(buffer)
		if n > 0 {
			left, arrives := l.send(time.Now(), n)
			if l.loses(n) {
				arrives = arrives.Add(retransmission)
			}
			if arrives.Before(last) { // TCP hands nothing over before what was sent earlier
				arrives = last
			}
			last = arrives
			time.Sleep(time.Until(left))
			flying <- piece{buffer[:n], arrives}
		}
		if err != nil {
			close(flying)
			delivered.Wait()
			if !errors.Is(err, io.EOF) {
				dst.Close() // it was reset, or the other direction has given up
			}
			return
		}
	}
}

// deliver writes what has arrived, and at the end says that nothing follows.
func deliver(dst, src *net.TCPConn, flying <-chan piece) {
	for p := range flying {
		time.Sleep(time.Until(p.arrives))
		if _, err := dst.Write(p.data); err != nil {
			src.Close()
		}
	}
	dst.CloseWrite()
}
