#!/usr/bin/env bash
# Trains job.yaml for 5, 20 and 50 epochs with bsp, ssp (staleness 4) and asp over three trainers, of which
# one takes three times as long for all that it computes; and with bsp and three equal ones, for comparison. RUNS
# times each (default 5), one after the other so that the noise of the machine falls on all. Writes runs.tsv,
# results.tsv (medians of 50 epochs) and figure.svg beside itself.
#
#   experiments/staleness/run.sh [RUNS]      PARLEY=path/to/parley uses that binary instead of building one
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
here=$PWD

runs=${1:-5}
if ! [[ $runs =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: experiments/staleness/run.sh [RUNS]" >&2
	exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parley=${PARLEY:-}
if [ -z "$parley" ]; then
	parley=$work/parley
	(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$parley" ./cmd/parley)
fi

# value KEY prints the number of a key of the last report, the last one of that name: reports have the metrics of
# the training data first.
value() { sed -n 's/^ *"'"$1"'": *\([0-9.e+-]*\),\{0,1\}$/\1/p' "$work/report.json" | tail -n 1; }

# train MODE EPOCHS RUN [FLAGS] trains once and adds a line to the table.
train() {
	local mode=$1 epochs=$2 run=$3
	shift 3
	rm -rf "$work/out"
	"$parley" train job.yaml "run.epochs=$epochs" "output=$work/out" --json --servers 1 --trainers 3 --data-dir "$work/data" "$@" \
		>"$work/report.json" 2>"$work/log" || {
		cat "$work/log" >&2
		exit 1
	}
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$mode" "$epochs" "$run" "$(value train)" "$(value logloss)" "$(value rounds)" >>"$work/runs.tsv"
}

printf 'mode\tepochs\trun\tseconds\tlogloss\trounds\n' >"$work/runs.tsv"
slow=(--chaos slow=trainer-1:3x)
for ((run = 1; run <= runs; run++)); do
	for epochs in 5 20 50; do
		train bsp "$epochs" "$run" "${slow[@]}"
		train "ssp(4)" "$epochs" "$run" run.consistency=ssp run.staleness=4 "${slow[@]}"
		train asp "$epochs" "$run" run.consistency=asp "${slow[@]}"
		train "bsp, all equally fast" "$epochs" "$run"
	done
done

# The medians of seconds and of logloss after 50 epochs, each by itself.
median() { # COLUMN MODE
	awk -F '\t' -v mode="$2" -v column="$1" '$1 == mode && $2 == 50 { print $column }' "$work/runs.tsv" | sort -g |
		awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
{
	printf 'mode\tseconds\ttest logloss\trounds\n'
	for mode in bsp "ssp(4)" asp "bsp, all equally fast"; do
		printf '%s\t%.2f\t%.5f\t%s\n' "$mode" "$(median 4 "$mode")" "$(median 5 "$mode")" "$(median 6 "$mode")"
	done
} >"$work/results.tsv"
cp "$work/runs.tsv" "$work/results.tsv" "$here/"
cores=$(nproc)
processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
go -C ../../tools run ./plotruns -title "a9a, one of three trainers three times slower ($cores cores${processor:+, $processor})" \
	"$here/runs.tsv" "$here/figure.svg"
cat "$here/results.tsv"
