#!/usr/bin/env bash
# Builds the container image: one static binary on nothing (FROM scratch), run by a numeric user. Needs Go and
# docker; the build of the image uses no network and pulls nothing.
#
#   scripts/image.sh [NAME]      default parley:latest; PARLEY=path/to/parley takes that static binary instead of building one
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-parley:latest}
if [ $# -gt 1 ] || [[ $name == -* ]]; then
	echo "usage: scripts/image.sh [NAME]" >&2
	exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The folders that the image's user writes; a new named volume that is mounted there is his too.
mkdir -p "$work/root/data" "$work/root/checkpoints" "$work/root/tmp" "$work/root/bin"
chmod 1777 "$work/root/tmp" "$work/root/data" "$work/root/checkpoints"
if [ -n "${PARLEY:-}" ]; then
	cp "$PARLEY" "$work/root/bin/parley"
else
	CGO_ENABLED=0 go build -trimpath -o "$work/root/bin/parley" ./cmd/parley
fi
version=$("$work/root/bin/parley" --version | awk '{ print $NF }')
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ "$revision" != unknown ] && ! git diff --quiet HEAD 2>/dev/null; then
	revision=$revision-dirty
fi

cat >"$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="parley" \
      org.opencontainers.image.description="Distributed training of machine-learning models with parameter servers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY root/ /
USER 65532:65532
WORKDIR /data
ENV HOME=/data TMPDIR=/tmp
EXPOSE 7700 7701/tcp 7701/udp 7780
# That the node has a coordinator and can take part in jobs.
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["/bin/parley", "health"]
ENTRYPOINT ["/bin/parley"]
CMD ["agent", "--data-dir", "/data", "--http", "127.0.0.1:7780"]
DOCKERFILE
docker build --quiet --network none --build-arg VERSION="$version" --build-arg REVISION="$revision" --tag "$name" "$work" >/dev/null
if [ "$name" = parley:latest ]; then
	docker tag "$name" "parley:$version"
fi
echo "$name  version $version, revision $revision, $(docker image inspect --format '{{.Size}}' "$name" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
