//go:build !linux

package node

import "errors"

// disk is told on Linux alone.
func (n *Node) disk() (size, free int64, err error) { return 0, 0, errors.ErrUnsupported }
