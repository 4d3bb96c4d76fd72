#!/usr/bin/env bash
# Shows that the protocol's test can fail: takes the undo, the fencing and the duplicate check out of
# the ranges in turn, in a copy of the tree, and runs the simulation's thousand seeds against each.
# Fails when a mutilated protocol passes.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# mutate NAME FILE OLD NEW: OLD must stand in FILE exactly once.
mutate() {
	rm -rf "$work/tree" && mkdir "$work/tree"
	git ls-files -z --cached --others --exclude-standard -- '*.go' go.mod go.sum | xargs -0 cp --parents -t "$work/tree"
	OLD=$3 NEW=$4 perl -0pi -e '$n = s/\Q$ENV{OLD}\E/$ENV{NEW}/g; die "does not stand there once\n" unless $n == 1' "$work/tree/$2"
	if (cd "$work/tree" && go test -count=1 -run TestSameBits ./internal/sim) >"$work/out" 2>&1; then
		echo "without $1: the test passes, so it tests nothing"
		return 1
	fi
	grep -q 'runs are wrong' "$work/out" || { cat "$work/out"; return 1; }
	echo "without $1: $(grep -o '[0-9]* of [0-9]* runs are wrong' "$work/out")"
}

mutate "the undo" ps/pull.go 'r.round.table.before(values, p.Offsets)' 'r.table.read(values, p.Offsets)'
mutate "the fencing" ps/range.go 'if term < r.terms[w] {' 'if false {'
mutate "the duplicate check" ps/round.go 'return p.Round < r.next(p.Worker)' 'return p.Round < param.Round(r.version)'
