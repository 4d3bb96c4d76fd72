package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"
)

// rejoin joins the seeds that are no members, at once and then periodically.
// Without it, two halves of a cluster that lost sight of each other for longer
// than memberlist gossips to the dead (30 s) would stay apart for ever.
func (c *Cluster) rejoin(ctx context.Context, list *memberlist.Memberlist) {
	tick := time.NewTicker(c.cfg.RejoinEvery)
	defer tick.Stop()
	complained := false
	for {
		missing := c.strangers(c.cfg.Seeds(ctx))
		joined, err := c.join(list, missing)
		if ctx.Err() != nil {
			return
		}
		alone := len(missing) > 0 && joined == 0 && len(c.Members()) <= 1
		if alone && !complained {
			c.cfg.Logger.Warn("no seed answers; trying on: are they up, and of the same cluster?", "seeds", missing, "every", c.cfg.RejoinEvery, "error", err)
		}
		complained = alone
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// strangers returns the seeds that are not members by address. Host names are
// never recognised: they are joined again and again, which costs one exchange of
// states each and does no harm.
func (c *Cluster) strangers(seeds []string) []string {
	known := []string{c.Addr()}
	for _, m := range c.Members() {
		known = append(known, m.Gossip)
	}
	return slices.DeleteFunc(slices.Clone(seeds), func(s string) bool { return slices.Contains(known, s) })
}

// join exchanges states with each seed that answers and counts them. The
// transport ends it when the node is shut down.
func (c *Cluster) join(list *memberlist.Memberlist, seeds []string) (int, error) {
	if len(seeds) == 0 {
		return 0, nil
	}
	return list.Join(seeds)
}
