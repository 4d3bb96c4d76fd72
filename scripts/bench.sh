#!/usr/bin/env bash
# Rows a second of experiments/a9a, 100 epochs, in one process and over three agents on this machine, and
# their ratio: what the wire costs where a round's work is small. A measurement, not a test: medians of
# runs that alternate, on a machine that has better be quiet.
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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/bench" ./cmd/parley

# rate NAME appends the rows a second of one run to $work/NAME.
rate() {
	(cd cmd/parley && "$work/bench" -test.run '^$' -test.bench "^BenchmarkTrain\$/^$1\$" -test.benchtime 1x) >"$work/out" || {
		cat "$work/out" >&2
		exit 1
	}
	awk '{ for (i = 2; i <= NF; i++) if ($i == "rows/s") { print $(i - 1); found = 1 } } END { exit !found }' "$work/out" >>"$work/$1"
}

median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for ((i = 0; i < runs; i++)); do
	rate embedded
	rate processes-3
done
awk -v one="$(median "$work/embedded")" -v three="$(median "$work/processes-3")" -v cores="$(nproc 2>/dev/null || echo some)" 'BEGIN {
	printf "embedded     %8.0f rows/s\nprocesses-3  %8.0f rows/s\nratio        %8.2f  on %s cores\n", one, three, three / one, cores
}'
