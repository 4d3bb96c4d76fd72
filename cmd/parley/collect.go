package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Most of what Parley allocates lives as long as a job, or a moment. Collecting
// less often than Go does costs little memory while little is live, and saves a
// tenth of the time of a short job; when much is live, garbage is bounded.
const (
	usualPercent = 400      // of what is live may become garbage before it is collected
	mostGarbage  = 96 << 20 // or this many bytes, if that is less,
	leastPercent = 40       // but this much at least
)

// tuneCollector sets how much garbage is left lying about, after every collection
// anew. GOGC overrides it.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(usualPercent)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	percent := usualPercent
	var tune func(*sentinel)
	tune = func(s *sentinel) {
		metrics.Read(live)
		want := usualPercent
		if n := live[0].Value.Uint64(); n > mostGarbage*100/usualPercent {
			want = max(leastPercent, int(mostGarbage*100/n))
		}
		if want != percent {
			percent = want
			debug.SetGCPercent(want)
		}
		runtime.SetFinalizer(s, tune)
	}
	runtime.SetFinalizer(&sentinel{}, tune)
}

// sentinel is garbage with a finalizer, which runs after each collection.
type sentinel struct{ _ [16]byte }
