#!/usr/bin/env bash
# Starts a fresh cluster of three agents, trains experiments/a9a on it, stops it; N times in a row
# (default 100). Every model must be the one of an embedded run, no start may take more than 30 s, and
# no process may be left. Prints each failure, the slowest start and the median; exit code 1 on a failure.
#
#   scripts/hundred-starts.sh [N]      PARLEY=path/to/parley uses that binary instead of building one
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

starts=${1:-100}
if ! [[ $starts =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: scripts/hundred-starts.sh [N]" >&2
	exit 2
fi
limit=30 # seconds a start may take
job=experiments/a9a/job.yaml
work=$(mktemp -d)
pids=() # of the agents that run now
failures=0

# finish ends what is still running, by the ids noted, and keeps the logs of failures.
finish() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	if [ "$failures" = 0 ]; then
		rm -rf "$work"
	else
		echo "logs are in $work" >&2
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

now() { echo "${EPOCHREALTIME/./}"; } # microseconds

running() { jobs -rp | grep -qx "$1"; }

# hash_of OUTPUT prints the model_sha256 of a finished job.
hash_of() { sed -n 's/.*"model_sha256": *"\([0-9a-f]\{64\}\)".*/\1/p' "$1/report.json"; }

# start_agent DIR [FLAGS] starts an agent and sets address to where it listens.
start_agent() {
	local dir=$1 deadline
	shift
	mkdir -p "$dir"
	"$parley" agent --bind 127.0.0.1:0 --data-dir "$dir/data" "$@" \
		>"$dir/ready.json" 2>"$dir/log" </dev/null &
	local pid=$!
	pids+=("$pid")
	deadline=$(($(now) + 10000000))
	until grep -qs '"ready":true' "$dir/ready.json"; do
		if ! running "$pid"; then
			reason="agent $(basename "$dir") ended before it was ready: $(tail -n 1 "$dir/log")"
			return 1
		fi
		if [ "$(now)" -gt "$deadline" ]; then
			reason="agent $(basename "$dir") was not ready within 10 s"
			return 1
		fi
		sleep 0.01
	done
	address=$(sed -n 's/.*"bind":"\([^"]*\)".*/\1/p' "$dir/ready.json")
	if [ -z "$address" ]; then
		reason="agent $(basename "$dir") does not say where it listens: $(cat "$dir/ready.json")"
		return 1
	fi
}

# run DIR starts a cluster and trains on it.
run() {
	local dir=$1 first code=0 hash
	start_agent "$dir/1" || return 1
	first=$address
	start_agent "$dir/2" --join "$first" || return 1
	start_agent "$dir/3" --join "$first" || return 1
	timeout -k 5 "$limit" "$parley" train "$job" "output=$dir/out" --cluster "$first" --json \
		>"$dir/report.json" 2>"$dir/train.log" </dev/null || code=$?
	if [ "$code" != 0 ]; then
		reason="train ended with exit code $code: $(tail -n 1 "$dir/train.log")"
		return 1
	fi
	hash=$(hash_of "$dir/out")
	if [ "$hash" != "$want" ]; then
		reason="the model is ${hash:-missing}, want $want"
		return 1
	fi
}

# left TEXT tells whether a process has TEXT on its command line.
left() {
	local file args
	for file in /proc/[0-9]*/cmdline; do
		{ mapfile -d '' -t args <"$file"; } 2>/dev/null || continue
		if [[ ${args[*]} == *"$1"* ]]; then
			return 0
		fi
	done
	return 1
}

# stop DIR ends the agents with SIGTERM; those that stay are a failure, and killed.
stop() {
	local dir=$1 pid code deadline
	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	deadline=$(($(now) + 10000000))
	for pid in "${pids[@]}"; do
		while running "$pid" && [ "$(now)" -lt "$deadline" ]; do
			sleep 0.01
		done
		if running "$pid"; then
			reason="${reason:+$reason; }agent $pid was still there 10 s after SIGTERM"
			kill -KILL "$pid"
		fi
		code=0
		wait "$pid" 2>/dev/null || code=$?
		if [ "$code" != 0 ] && [ -z "$reason" ]; then
			reason="agent $pid ended with exit code $code"
		fi
	done
	pids=()
	if left "$dir/"; then
		reason="${reason:+$reason; }a process with $dir on its command line is left"
	fi
}

if [ -n "${PARLEY:-}" ]; then
	parley=$PARLEY
else
	parley=$work/parley
	CGO_ENABLED=0 go build -trimpath -o "$parley" ./cmd/parley
fi
if ! timeout -k 5 60 "$parley" train "$job" "output=$work/embedded" --json >/dev/null 2>"$work/embedded.log" </dev/null; then
	cat "$work/embedded.log" >&2
	echo "the embedded run failed" >&2
	exit 1
fi
want=$(hash_of "$work/embedded")
if [ -z "$want" ]; then
	echo "the embedded run's report.json has no model_sha256" >&2
	exit 1
fi

for ((i = 1; i <= starts; i++)); do
	dir=$work/start-$i
	reason=""
	address=""
	began=$(now)
	run "$dir" || true
	stop "$dir"
	took=$(($(now) - began))
	echo "$took $i" >>"$work/times"
	if [ -z "$reason" ] && [ "$took" -gt $((limit * 1000000)) ]; then
		reason="it took more than $limit s"
	fi
	if [ -n "$reason" ]; then
		failures=$((failures + 1))
		echo "start $i: $reason"
	else
		rm -rf "$dir"
	fi
done

sort -n "$work/times" | awk -v starts="$starts" -v failures="$failures" '
	{ took[NR] = $1; number[NR] = $2 }
	END {
		printf "%d of %d starts right; median %.2f s, slowest %.2f s (start %d)\n",
			starts - failures, starts, took[int((NR + 1) / 2)] / 1e6, took[NR] / 1e6, number[NR]
	}'
[ "$failures" = 0 ]
