// Package metric holds the sufficient statistics of evaluation: each data shard
// is summarised on its own, summaries are merged in shard order, and metrics
// follow from the whole. So they do not depend on who evaluated which shard.
package metric
