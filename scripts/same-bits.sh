#!/usr/bin/env bash
# Trains experiments/a9a with builds for GOAMD64=v1, GOAMD64=v3 and arm64, and compares the models.
# What this machine cannot run is skipped, with the reason: arm64 on amd64 needs qemu-aarch64-static
# (Debian's package qemu-user-static), v3 a processor with AVX2. Exit code 0: all that ran agree.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host=$(go env GOHOSTARCH)
hashes=()

# train LABEL GOARCH GOAMD64 [RUNNER]
train() {
	local label=$1 arch=$2 level=$3
	shift 3
	local binary=$work/parley-$label output=$work/out-$label
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOAMD64=$level go build -trimpath -o "$binary" ./cmd/parley
	if ! timeout 300 "$@" "$binary" train experiments/a9a/job.yaml "output=$output" --json \
		>"$work/$label.json" 2>"$work/$label.log" </dev/null; then
		printf '%-8s failed:\n' "$label"
		tail -n 20 "$work/$label.log"
		exit 1
	fi
	local hash kernels
	hash=$(sed -n 's/.*"model_sha256": *"\([0-9a-f]\{64\}\)".*/\1/p' "$output/report.json")
	kernels=$(sed -n 's/.*"kernels": *"\([^"]*\)".*/\1/p' "$output/report.json")
	if [ -z "$hash" ]; then
		printf '%-8s failed: report.json has no model_sha256\n' "$label"
		exit 1
	fi
	printf '%-8s %s (%s)\n' "$label" "$hash" "$kernels"
	hashes+=("$hash")
}

skip() { printf '%-8s skipped: %s\n' "$1" "$2"; }

if [ "$(uname -s)" != Linux ]; then
	echo "needs Linux" >&2
	exit 1
fi

if [ "$host" = amd64 ]; then
	train v1 amd64 v1
	if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then
		train v3 amd64 v3
	else
		skip v3 "this processor lacks AVX2 or FMA"
	fi
else
	skip v1 "this machine is $host, not amd64"
	skip v3 "this machine is $host, not amd64"
fi

if [ "$host" = arm64 ]; then
	train arm64 arm64 ""
elif command -v qemu-aarch64-static >/dev/null; then
	train arm64 arm64 "" qemu-aarch64-static
else
	skip arm64 "there is no qemu-aarch64-static (Debian: qemu-user-static)"
fi

if [ "${#hashes[@]}" -lt 2 ]; then
	echo "only ${#hashes[@]} build ran: nothing was compared" >&2
	exit 1
fi
for hash in "${hashes[@]}"; do
	if [ "$hash" != "${hashes[0]}" ]; then
		echo "the builds give different models" >&2
		exit 1
	fi
done
echo "all ${#hashes[@]} builds give the same model"
