package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/datashard/blockcache"
)

// storeCollector tells of what the node keeps on disk.
type storeCollector struct{ Config }

var (
	diskDesc = prometheus.NewDesc("parley_node_disk_bytes", "Size of the file system of the node's files.", nil, nil)
	freeDesc = prometheus.NewDesc("parley_node_disk_free_bytes", "What the node may still write there.", nil, nil)
)

// cacheMetric is a metric of the cache of parsed rows.
type cacheMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*blockcache.Stats) int64
}

func ofCache(name, help string, kind prometheus.ValueType, value func(*blockcache.Stats) int64) cacheMetric {
	return cacheMetric{prometheus.NewDesc("parley_cache_"+name, help, nil, nil), kind, value}
}

var cacheMetrics = []cacheMetric{
	ofCache("bytes", "Size of the cache of parsed rows.", prometheus.GaugeValue, func(s *blockcache.Stats) int64 { return s.Bytes }),
	ofCache("hits_total", "Data shards that were found in the cache.", prometheus.CounterValue, func(s *blockcache.Stats) int64 { return s.Hits }),
	ofCache("misses_total", "Data shards that were not, and were parsed.", prometheus.CounterValue, func(s *blockcache.Stats) int64 { return s.Misses }),
	ofCache("evicted_total", "Data shards that were removed to make room.", prometheus.CounterValue, func(s *blockcache.Stats) int64 { return s.Evicted }),
	ofCache("damaged_total", "Files that were removed because they were not what was written.", prometheus.CounterValue, func(s *blockcache.Stats) int64 { return s.Damaged }),
}

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- diskDesc
	out <- freeDesc
	for _, m := range cacheMetrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(out chan<- prometheus.Metric) {
	if c.Disk != nil {
		c.collectDisk(out)
	}
	if c.Cache == nil {
		return
	}
	s := c.Cache()
	for _, m := range cacheMetrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.value(&s)))
	}
}

func (c storeCollector) collectDisk(out chan<- prometheus.Metric) {
	size, free, err := c.Disk()
	if err != nil {
		out <- prometheus.NewInvalidMetric(diskDesc, err)
		return
	}
	out <- prometheus.MustNewConstMetric(diskDesc, prometheus.GaugeValue, float64(size))
	out <- prometheus.MustNewConstMetric(freeDesc, prometheus.GaugeValue, float64(free))
}
