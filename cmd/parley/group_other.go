//go:build !linux

package main

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from a process that we start. Nothing here
// ends it when we are killed.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
