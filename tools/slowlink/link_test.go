package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestLink(t *testing.T) {
	now := time.Unix(0, 0)
	l := &link{delay: 20 * time.Millisecond, rate: 1e6}
	for i, test := range []struct {
		at, bytes           int // ms
		wantLeft, wantThere time.Duration
	}{
		{0, 15000, 10 * time.Millisecond, 30 * time.Millisecond}, // 15 ms, of which the bucket had 5
		{0, 1000, 11 * time.Millisecond, 31 * time.Millisecond},
		{10, 1000, 12 * time.Millisecond, 32 * time.Millisecond},
		{100, 2000, 97 * time.Millisecond, 117 * time.Millisecond},
	} {
		left, arrives := l.send(now.Add(time.Duration(test.at)*time.Millisecond), test.bytes)
		if left.Sub(now) != test.wantLeft || arrives.Sub(now) != test.wantThere {
			t.Errorf("%d: left after %v, arrived after %v; want %v and %v", i, left.Sub(now), arrives.Sub(now), test.wantLeft, test.wantThere)
		}
	}
}

func TestLoses(t *testing.T) {
	if l := (&link{loss: 1}); !l.loses(1) {
		t.Error("a link that loses all has lost nothing")
	}
	l, lost := &link{loss: 0.01}, 0
	for range 10_000 {
		if l.loses(2 * segment) {
			lost++
		}
	}
	if lost < 120 || lost > 280 { // 199 in the mean, a deviation of 14
		t.Errorf("%d of 10,000 pairs of segments were lost", lost)
	}
}

// TestThrow: a datagram is late, or lost; it is never sent again.
func TestThrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, arrived := time.Now(), []time.Duration{}
		write := func([]byte) { arrived = append(arrived, time.Since(began)) }
		(&link{delay: 30 * time.Millisecond}).throw([]byte("x"), write)
		(&link{loss: 1}).throw([]byte("y"), write)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(arrived) != 1 || arrived[0] != 30*time.Millisecond {
			t.Errorf("arrived after %v", arrived)
		}
	})
}

// echo answers on a port of the loopback, by TCP and UDP, and returns its address.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); u.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	go func() {
		b := make([]byte, 100)
		for n, from, err := u.ReadFrom(b); err == nil; n, from, err = u.ReadFrom(b) {
			u.WriteTo(b[:n], from)
		}
	}()
	return l.Addr().String()
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go serveTCP(l, echo(t), &link{delay: 20 * time.Millisecond, loss: 1}, &link{delay: 20 * time.Millisecond})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began, sent := time.Now(), bytes.Repeat([]byte("parley"), 50_000)
	if _, err := c.Write(sent); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if took := time.Since(began); took < 240*time.Millisecond {
		t.Errorf("it came back after %v, want two delays and a retransmission", took)
	}
}

func TestUDP(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	go serveUDP(u, echo(t), &link{delay: 20 * time.Millisecond}, &link{delay: 20 * time.Millisecond})
	c, err := net.Dial("udp", u.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 { // the second takes the way that the first has opened
		began := time.Now()
		c.Write([]byte("x"))
		c.SetReadDeadline(began.Add(10 * time.Second))
		n, err := c.Read(make([]byte, 10))
		if took := time.Since(began); err != nil || n != 1 || took < 40*time.Millisecond {
			t.Errorf("%d bytes came back after %v: %v", n, took, err)
		}
	}
}
