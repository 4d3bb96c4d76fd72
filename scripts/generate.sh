#!/usr/bin/env bash
# Writes the Go code of proto/**/*.proto beside it, and the kernels of internal/linalg and what is below it. Needs Go alone.
#
#   scripts/generate.sh            write
#   scripts/generate.sh --check    write nothing; fail if a committed file is not current, and name it
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
"") flags=() ;;
--check) flags=(-check) ;;
*)
	echo "usage: scripts/generate.sh [--check]" >&2
	exit 2
	;;
esac

failed=0
for generator in protogen kernelgen; do
	go -C tools run "./$generator" -root .. "${flags[@]}" || failed=1
done
exit $failed
