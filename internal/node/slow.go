package node

import "parley/internal/param"

// Slow makes the node's trainer compute so many times as slowly, for experiments.
// It is called before Run, and Invalid without a trainer.
func (n *Node) Slow(factor float64) error {
	if !n.has(Trainer) {
		return param.Errorf(param.Invalid, "this node has no role %s to be made slow", Trainer)
	}
	n.agent.Slow(factor)
	return nil
}
