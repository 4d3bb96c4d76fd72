// Command slowlink stands before a host and makes the way to it slow: it forwards TCP and UDP on some ports, later,
// with a bound on the bandwidth of each direction, and with losses.
//
//	slowlink -to HOST [-delay 20ms] [-mbit 10] [-loss 0.01] PORT...
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
)

func main() {
	to := flag.String("to", "", "host that is behind the link")
	delay := flag.Duration("delay", 0, "delay of each direction")
	mbit := flag.Float64("mbit", 0, "bandwidth of each direction in Mbit/s, 0 for no bound")
	loss := flag.Float64("loss", 0, "share of the segments that are lost, from 0 to 1")
	flag.Parse()
	if *to == "" || flag.NArg() == 0 || *delay < 0 || *mbit < 0 || !(*loss >= 0 && *loss <= 1) {
		fmt.Fprintln(os.Stderr, "usage: slowlink -to HOST [-delay 20ms] [-mbit 10] [-loss 0.01] PORT...")
		os.Exit(2)
	}
	direction := func() *link { return &link{delay: *delay, loss: *loss, rate: *mbit * 1e6 / 8} }
	if err := serve(*to, flag.Args(), direction(), direction()); err != nil {
		fmt.Fprintln(os.Stderr, "slowlink:", err)
		os.Exit(1)
	}
}

// serve forwards what comes to the ports until one of them fails.
func serve(host string, ports []string, there, back *link) error {
	failed := make(chan error, 2*len(ports))
	for _, port := range ports {
		tcp, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		udp, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			return err
		}
		target := net.JoinHostPort(host, port)
		go func() { failed <- serveTCP(tcp, target, there, back) }()
		go func() { failed <- serveUDP(udp, target, there, back) }()
	}
	return <-failed
}
