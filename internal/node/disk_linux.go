package node

import (
	"fmt"
	"syscall"
)

// disk returns the size of the file system of the node's files, and what is free of
// it for this user.
func (n *Node) disk() (size, free int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(n.config.DataDir, &s); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", n.config.DataDir, err)
	}
	return int64(s.Blocks) * s.Bsize, int64(s.Bavail) * s.Bsize, nil
}
