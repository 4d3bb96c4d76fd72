#!/usr/bin/env bash
# Everything that a change has to pass: format, vet, staticcheck, layers, generated code, tests.
# Needs Go alone; with a C compiler the tests run under the race detector. Without a network the steps S3 and
# browser are skipped where their modules have not been fetched before.
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
go test "${race[@]}" -p 1 -timeout 25m ./...
go -C tools test ./...

step portable kernels
# What processors without AVX2 run. -count=1: the cache of results does not know what is read at start.
PARLEY_KERNELS=portable go test -short -count=1 ./internal/linalg ./ps/optim ./trainer/mlp

# A module of its own, whose dependencies come over the network the first time: nested FOLDER PATTERN...
nested() {
	local dir=$1 needs
	shift
	if needs=$(go -C "$dir" list -deps -test "$@" 2>&1); then
		go -C "$dir" vet ./...
		go -C "$dir" test "${race[@]}" -timeout 15m ./...
	elif grep -qE 'Get "http|dial tcp|GOPROXY=off' <<<"$needs"; then
		printf 'skipped, since its modules cannot be fetched:\n%s\n' "$(tail -n 3 <<<"$needs")"
	else
		printf '%s\n' "$needs" >&2
		exit 1
	fi
}

step S3
# The gateway takes minutes to build.
nested internal/source/s3test ./... tool

step browser
# Skips itself where there is no Chromium.
nested internal/httpapi/browsertest ./...
