#!/usr/bin/env bash
# Writes the Go code of proto/**/*.proto beside it. Needs Go alone.
#
#   scripts/generate.sh            write
#   scripts/generate.sh --check    write nothing; fail if a committed file is not current, and name it
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
"") exec go -C tools run ./protogen -root .. ;;
--check) exec go -C tools run ./protogen -root .. -check ;;
*)
	echo "usage: scripts/generate.sh [--check]" >&2
	exit 2
	;;
esac
