#!/usr/bin/env bash
# End to end: experiments/a9a in one process must learn what it has to and give the model that README.md
# shows, and a longer run of it over three agents, one of which is killed on the way, must give the model of
# one process. Prints what it measured; exit code 1 on a failure. Takes half a minute. Needs no more than a
# shell, sed and awk.
#
#   scripts/e2e.sh      PARLEY=path/to/parley uses that binary instead of building one
#                       EPOCHS=N is the length of the longer run (default 400: a few seconds)
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

job=experiments/a9a/job.yaml
epochs=${EPOCHS:-400}
work=$(mktemp -d)
pids=() # of what runs now
passed=

# finish ends what is still running, by the ids noted, and keeps the logs of a failure.
finish() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait
	if [ -n "$passed" ]; then
		rm -rf "$work"
	else
		echo "logs are in $work" >&2
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "failed: $*" >&2
	exit 1
}

running() { jobs -rp | grep -qx "$1"; }

# within SECONDS WHAT COMMAND...: polls until the command succeeds.
within() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || fail "$what has not come in time"
		sleep 0.05
	done
}

# of KEY OUTPUT prints a value of report.json that stands on a line of its own.
of() { sed -n 's/^ *"'"$1"'": *"\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$2/report.json" | head -n 1; }

# tested METRIC OUTPUT prints a metric on the test data.
tested() { sed -n '/^ *"test": {/,/}/s/^ *"'"$1"'": *\([^,]*\),\{0,1\}$/\1/p' "$2/report.json"; }

# holds VALUE OPERATOR BOUND compares numbers.
holds() { awk -v x="$1" -v y="$3" "BEGIN { exit !(x != \"\" && x + 0 $2 y + 0) }"; }

# train NAME ARGS... runs the job into $work/NAME and must end well.
train() {
	local name=$1
	shift
	timeout -k 5 120 "$parley" train "$job" "output=$work/$name" --json "$@" \
		>"$work/$name.json" 2>"$work/$name.log" </dev/null || {
		cat "$work/$name.log" >&2
		fail "$name: train ended with an error"
	}
}

# start NAME FLAGS... starts an agent and sets pid, and address to where it listens.
start() {
	local name=$1
	shift
	"$parley" agent --bind 127.0.0.1:0 --data-dir "$work/$name.data" "$@" \
		>"$work/$name.ready" 2>"$work/$name.log" </dev/null &
	pid=$!
	pids+=("$pid")
	within 20 "agent $name" ready "$name"
	address=$(sed -n 's/.*"bind":"\([^"]*\)".*/\1/p' "$work/$name.ready")
	[ -n "$address" ] || fail "agent $name does not say where it listens"
}

ready() {
	running "$pid" || fail "agent $1 ended before it was ready: $(tail -n 1 "$work/$1.log")"
	grep -qs '"ready":true' "$work/$1.ready"
}

# underway tells whether a quarter of the rounds or more are done.
underway() {
	running "$training" || fail "the job ended before a trainer could be killed: $(tail -n 1 "$work/killed.log"); raise EPOCHS"
	timeout -k 1 10 "$parley" status --cluster "$seed" 2>/dev/null |
		awk '$2 == "training" { split($4, r, "/"); if (4 * r[1] >= r[2]) found = 1 } END { exit !found }'
}

ended() { ! running "$1"; }

# forget PID: it is gone, and its id may be another process's soon.
forget() {
	local pid left=()
	for pid in "${pids[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	pids=("${left[@]}")
}

# gone PID ends an agent with SIGTERM and expects exit code 0.
gone() {
	local code=0
	kill -TERM "$1"
	within 10 "the end of agent $1 after SIGTERM" ended "$1"
	wait "$1" || code=$?
	forget "$1"
	[ "$code" = 0 ] || fail "agent $1 ended with exit code $code"
}

if [ -n "${PARLEY:-}" ]; then
	parley=$PARLEY
else
	parley=$work/parley
	CGO_ENABLED=0 go build -trimpath -o "$parley" ./cmd/parley
fi

train five
logloss=$(tested logloss "$work/five") accuracy=$(tested accuracy "$work/five") auc=$(tested auc "$work/five")
echo "one process, 5 epochs: logloss $logloss, accuracy $accuracy, auc $auc on the test data"
holds "$logloss" "<=" 0.3255 || fail "logloss $logloss, want 0.3255 or less"
holds "$accuracy" ">=" 0.848 || fail "accuracy $accuracy, want 0.848 or more"
holds "$auc" ">=" 0.901 || fail "auc $auc, want 0.901 or more"
timeout 30 "$parley" model verify "$work/five" >"$work/verify" || fail "model verify"
timeout 30 "$parley" predict "$work/five" experiments/a9a/a9a.t.svm.zst --out "$work/predictions" || fail "predict"
lines=$(wc -l <"$work/predictions")
[ "$lines" -eq 16281 ] || fail "$lines predictions, want 16281"

hash=$(of model_sha256 "$work/five")
grep -q "SHA-256 $hash" README.md || fail "README.md shows another model than $hash: paste the output of the first command anew"

train one run.epochs=1
logloss=$(tested logloss "$work/one")
echo "one process, 1 epoch: logloss $logloss on the test data"
holds "$logloss" "<=" 0.328 || fail "logloss $logloss after one epoch, want 0.328 or less"

train whole "run.epochs=$epochs"
want=$(of model_sha256 "$work/whole")
echo "one process, $epochs epochs: $want"
[ -n "$want" ] || fail "report.json has no model_sha256"

start server --roles coordinator,ps
seed=$address server=$pid
start trainer-1 --roles trainer --join "$seed"
first=$pid
start trainer-2 --roles trainer --join "$seed"
second=$pid
timeout -k 5 120 "$parley" train "$job" "run.epochs=$epochs" "output=$work/killed" --json --cluster "$seed" \
	>"$work/killed.json" 2>"$work/killed.log" </dev/null &
training=$!
pids+=("$training")
within 60 "the middle of the job" underway
kill -KILL "$second"
wait "$second" 2>/dev/null || true
forget "$second"
code=0
wait "$training" || code=$?
forget "$training"
[ "$code" = 0 ] || fail "train ended with exit code $code: $(tail -n 1 "$work/killed.log")"
hash=$(of model_sha256 "$work/killed") restarts=$(of restarts "$work/killed")
echo "three processes, a trainer killed: $hash, restarts $restarts"
sed -n 's/.*"kind":"\(failure\|recovery\)","message":"\([^"]*\)".*/  \2/p' "$work/killed/events.jsonl"
[ "$hash" = "$want" ] || fail "another model than that of one process"
holds "$restarts" ">=" 1 || fail "restarts $restarts: the trainer's death was not noticed"
grep -q '"kind":"recovery"' "$work/killed/events.jsonl" || fail "events.jsonl tells of no recovery"

gone "$first"
gone "$server"
passed=yes
echo "all as it should be"
