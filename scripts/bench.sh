#!/bin/bash
# Times bin/dlx against docker and nsenter on a Docker that it starts when none answers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
image=dlx-bench:$$
with_docker bench
work=$(mktemp -d)
trap 'docker rmi -f $image >/dev/null 2>&1 || true; rm -rf "$work"; docker_stop' EXIT
step "make a static image"
scratch_image $image pause true
step "measure"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/empty" ./bench/empty
go run -buildvcs=false ./bench -dlx "$ROOT/bin/dlx" -image $image -empty "$work/empty" "$@"
