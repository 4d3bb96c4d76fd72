#!/usr/bin/env bash
# Runs an experiment on a cluster of containers of this machine, and writes results.json, results.tsv and figures into
# its folder. Exit code 1 when a hash or a bar of its README.md is missed. However it ends, its containers,
# networks and volumes are gone. Needs Go, docker with docker-compose (1.29 or 2), and python3; one to five minutes each.
#
#   scripts/experiments.sh scaling|faults|elasticity|slownet      PARLEY_IMAGE=NAME uses that image instead of building one
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-}
case $name in
scaling | faults | elasticity | slownet) ;;
*)
	echo "usage: scripts/experiments.sh scaling|faults|elasticity|slownet" >&2
	exit 2
	;;
esac
if command -v docker-compose >/dev/null; then
	export PARLEY_COMPOSE=docker-compose
else
	export PARLEY_COMPOSE="docker compose"
fi
export PARLEY_WORK PARLEY_PROJECT=parley-$name-$$
PARLEY_WORK=$(mktemp -d)
pid=

# finish removes what is named after this run alone.
finish() {
	trap '' INT TERM
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	local label="label=com.docker.compose.project=$PARLEY_PROJECT" kind
	docker ps -aq --filter "$label" | xargs -r docker rm -fv >/dev/null
	for kind in network volume; do
		docker $kind ls -q --filter "$label" | xargs -r docker $kind rm >/dev/null
	done
	rm -rf "$PARLEY_WORK"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export PARLEY=$PARLEY_WORK/parley
CGO_ENABLED=0 go build -trimpath -o "$PARLEY" ./cmd/parley
if [ -z "${PARLEY_IMAGE:-}" ]; then
	scripts/image.sh parley:experiment >&2
	export PARLEY_IMAGE=parley:experiment
fi
if [ "$name" = slownet ]; then
	export PARLEY_LINK_IMAGE=parley-link:experiment
	mkdir "$PARLEY_WORK/link"
	CGO_ENABLED=0 go -C tools build -trimpath -o "$PARLEY_WORK/link/slowlink" ./slowlink
	printf 'FROM scratch\nCOPY slowlink /slowlink\nUSER 65532:65532\nENTRYPOINT ["/slowlink"]\n' |
		docker build --quiet --network none --tag "$PARLEY_LINK_IMAGE" --file - "$PARLEY_WORK/link" >/dev/null
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=experiments/cluster python3 "experiments/$name/run.py" &
pid=$!
code=0
wait "$pid" || code=$?
pid=
exit "$code"
