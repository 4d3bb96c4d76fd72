package rpc

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// IsLoopback reports whether addr ("host:port" or "host") can be reached from
// this machine alone: 127.0.0.0/8, ::1 or localhost. An empty host means all
// interfaces, so it is not; other names are not looked up and are not either.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = strings.Trim(addr, "[]")
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// CheckBind refuses an address beyond loopback unless insecure says that the
// user has accepted what that means.
func CheckBind(addr string, insecure bool) error {
	if insecure || IsLoopback(addr) {
		return nil
	}
	return fmt.Errorf("listening on %s would open this node to the network without encryption or authentication: "+
		"whoever can reach it could read and change models, run jobs and read the files that jobs can read. "+
		"Bind to 127.0.0.1, or pass --insecure if everyone on that network may do all of this", addr)
}
