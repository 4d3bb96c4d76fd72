#!/usr/bin/env bash
# Rows a second of experiments/a9a, 100 epochs, in one process and over three agents on this machine, and
# their ratio: what the wire costs where a round's work is small. A measurement, not a test.
#
#   scripts/bench.sh [RUNS]     of each, default 5
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

runs=${1:-5}
if ! [[ $runs =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: scripts/bench.sh [RUNS]" >&2
	exit 2
fi
out=$(go test -run '^$' -bench '^BenchmarkTrain$' -benchtime "${runs}x" ./cmd/parley) || {
	printf '%s\n' "$out" >&2
	exit 1
}
printf '%s\n' "$out" | awk '
	/rows\/s/ {
		for (i = 2; i < NF; i++) if ($(i + 1) == "rows/s") rate = $i
		if ($1 ~ /\/embedded/) one = rate
		if ($1 ~ /\/processes-3/) three = rate
	}
	END {
		if (!one || !three) { print "the benchmark has printed no rows/s"; exit 1 }
		printf "embedded     %8.0f rows/s\nprocesses-3  %8.0f rows/s\nratio        %8.2f\n", one, three, three / one
	}'
