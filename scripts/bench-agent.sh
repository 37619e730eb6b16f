#!/bin/bash
# Measures an agent: commands through it against docker exec, keystrokes with many sessions, captures, and what it takes while idle.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
image=dlx-bench:$$
with_docker bench
scripts/setup.sh bench-capture
work=$(mktemp -d)
container=
trap '[ -z "$container" ] || docker rm -f "$container" >/dev/null; docker rmi -f $image >/dev/null 2>&1 || true; rm -rf "$work"; docker_stop' EXIT
step "make a static image"
scratch_image $image pause true
container=$(docker run -d --network none $image /pause)
step "commands"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/empty" ./bench/empty
go run -buildvcs=false ./bench -dlx "$ROOT/bin/dlx" -image $image -empty "$work/empty" -only agent
step "keystrokes, and nothing"
go run -buildvcs=false ./bench/agent -dlx "$ROOT/bin/dlx" -container "$container" "$@"
step "captures"
go run -buildvcs=false ./bench/capture -dlx "$ROOT/bin/dlx" -dir "$ROOT/build" -only agent
