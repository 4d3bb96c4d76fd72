package rpc

import (
	"strings"
	"testing"
)

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:7700": true, "127.8.9.1": true, "[::1]:7700": true, "::1": true, "localhost:1": true, "LocalHost.:1": true,
		"[::ffff:127.0.0.1]:1": true,
		":7700":                false, "0.0.0.0:7700": false, "[::]:7700": false, "10.0.0.1:7700": false, "node1:7700": false,
		"localhost.example.org:1": false, "127.0.0.1.example.org:1": false, "": false,
	} {
		if got := IsLoopback(addr); got != want {
			t.Errorf("IsLoopback(%q) = %v", addr, got)
		}
	}
}

func TestCheckBind(t *testing.T) {
	t.Parallel()
	if err := CheckBind("127.0.0.1:7700", false); err != nil {
		t.Error(err)
	}
	if err := CheckBind("0.0.0.0:7700", true); err != nil {
		t.Error(err)
	}
	err := CheckBind("0.0.0.0:7700", false)
	if err == nil || !strings.Contains(err.Error(), "--insecure") || !strings.Contains(err.Error(), "0.0.0.0:7700") {
		t.Errorf("got %v", err)
	}
}
