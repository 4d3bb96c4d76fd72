// Package parsebench measures how fast this machine parses data, beside the way
// that one writes such a parser first: parley bench parse prints what Run returns.
// Texts are made in memory, and everything runs on one core unless it says
// otherwise. Only the command line calls it; a Run is for one goroutine.
package parsebench

import (
	"context"
	"syscall"
	"time"
)

// Speed is what a parser reaches, in MB/s of text (10^6 bytes), beside the naive
// way in the same run.
type Speed struct {
	MB    float64 `json:"mb_per_s"`
	Naive float64 `json:"naive_mb_per_s"`
}

// Pace is what something without a naive way reaches, in GB/s (10^9 bytes).
type Pace struct {
	GB float64 `json:"gb_per_s"`
}

// Results are the figures of a Run.
type Results struct {
	Libsvm Speed `json:"libsvm"`
	VW     Speed `json:"vw"`
	CSV    Speed `json:"csv"`  // to numbers
	Text   Speed `json:"text"` // words counted into a vocabulary
	// Cache reads blocks of parsed rows from disk, by the bytes of the rows.
	Cache Pace `json:"cache"`
	// Scan finds the rows of libsvm text in a file and hashes them, on all cores.
	Scan Pace `json:"scan"`
	// Build parses libsvm text and writes the cache, as the time that parsing alone
	// takes.
	Build float64 `json:"cache_build_ratio"`
	// Cores is how much faster all cores parse libsvm text than one.
	Cores Scaling `json:"cores"`
}

// Scaling compares one core with all.
type Scaling struct {
	Cores int     `json:"cores"`
	Ratio float64 `json:"ratio"`
}

// sample is the time that is measured at a time; the best of rounds counts, as
// whatever disturbs makes it slower.
const (
	sample = 300 * time.Millisecond
	rounds = 3
)

// Run measures everything. dir is a folder for temporary files.
func Run(ctx context.Context, dir string) (Results, error) {
	var r Results
	r.Libsvm, r.VW, r.CSV, r.Text = libsvmSpeed(), vwSpeed(), csvSpeed(), textSpeed()
	r.Cores = scaling()
	var err error
	if r.Cache, r.Build, err = cacheSpeed(dir); err != nil {
		return r, err
	}
	r.Scan, err = scanSpeed(ctx, dir)
	return r, err
}

// alternate measures ways to do the same with so many bytes, in turn, and returns
// the best rate of each in bytes a second of the clock that is given.
func alternate(clock func() time.Duration, bytes int, ways ...func()) []float64 {
	best := make([]float64, len(ways))
	for range rounds {
		for i, way := range ways {
			n, began := 0, clock()
			for clock()-began < sample {
				way()
				n++
			}
			best[i] = max(best[i], float64(n)*float64(bytes)/(clock()-began).Seconds())
		}
	}
	return best
}

// processor is the time that this process has had on all cores, the garbage
// collector's too. What runs on one core is measured by it: other programs then
// count for little.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return wall()
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var start = time.Now()

// wall is the time of a clock on the wall, for what runs on all cores.
func wall() time.Duration { return time.Since(start) }

func speed(bytes int, ours, naive func()) Speed {
	best := alternate(processor, bytes, ours, naive)
	return Speed{MB: best[0] / 1e6, Naive: best[1] / 1e6}
}
