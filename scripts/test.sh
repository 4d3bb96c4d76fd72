#!/usr/bin/env bash
# Everything that a change has to pass: format, vet, staticcheck, layers, generated code, tests.
# Needs Go alone; with a C compiler the tests run under the race detector.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '== %s\n' "$*"; }

step gofmt
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	printf 'not formatted, run gofmt -w on:\n%s\n' "$unformatted" >&2
	exit 1
fi

step go vet
go vet ./...
go -C tools vet ./...

step staticcheck
# It says nothing but a warning when it finds no package, so that counts as a failure too.
found=$(go tool -modfile=tools/go.mod staticcheck ./... 2>&1) || {
	printf '%s\n' "$found" >&2
	exit 1
}
if [ -n "$found" ]; then
	printf '%s\n' "$found" >&2
	exit 1
fi

step layers
go test ./internal/layers

step generated code
scripts/generate.sh --check

race=(-race)
if [ "$(go env CGO_ENABLED)" != 1 ]; then
	race=()
	echo "there is no C compiler here: the tests run without the race detector"
fi
step go test "${race[@]}"
# One package at a time: clusters of processes and measured waits want the cores to themselves.
go test "${race[@]}" -p 1 -timeout 15m ./...
go -C tools test ./...
