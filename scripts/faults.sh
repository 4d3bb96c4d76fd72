#!/usr/bin/env bash
# Trains experiments/a9a on clusters of a coordinator, two servers and three trainers (processes of this
# machine), N times (default 200), and disturbs each run by one to three random faults: processes are killed,
# stopped, drained, added, the coordinator is started again, everything is killed and resumed. Every job
# has to end with the bits of the undisturbed run, and something has to happen every 30 s until then; what takes
# more than 60 s is told at the end. The folder of a run that goes wrong is kept: logs of all processes,
# events.jsonl, and, of a hang, the status and all goroutines. Exit code 1 if any was wrong.
#
#   scripts/faults.sh [N] [SEED]      run i of seed S again: scripts/faults.sh 1 S:i
#
# PARLEY_FAULT_PARALLEL runs at once (default 1), PARLEY_FAULT_EPOCHS epochs a job (default 150).
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-200}
seed=${2:-1}
if ! [[ $runs =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+(:[0-9]+)?$ ]]; then
	echo "usage: scripts/faults.sh [N] [SEED | SEED:RUN]" >&2
	exit 2
fi
work=$(mktemp -d)
pid=
# The processes of a run end with the test, however that ends.
finish() {
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -f "$work/test"
	rm -rf "$work/tmp"
	if ! rmdir "$work/kept" 2>/dev/null; then
		echo "what went wrong is in $work/kept" >&2
	else
		rm -rf "$work"
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$work/kept" "$work/tmp"
go test -c -o "$work/test" ./cmd/parley
export PARLEY_FAULT_RUNS=$runs PARLEY_FAULT_SEED=$seed PARLEY_FAULT_KEEP=$work/kept TMPDIR=$work/tmp
cd cmd/parley
"$work/test" -test.run '^TestFaultLoop$' -test.timeout 24h -test.parallel "${PARLEY_FAULT_PARALLEL:-1}" &
pid=$!
code=0
wait "$pid" || code=$?
pid=
exit "$code"
