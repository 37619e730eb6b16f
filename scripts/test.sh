#!/bin/bash
# Runs all tests, as root, on a Docker that it starts when none answers. Arguments are go test's.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
with_docker test
[ "${CI:-}" != true ] || export DLX_TEST_NO_SKIP=1
# The race detector has each program that ends well wait for a second.
export GORACE=atexit_sleep_ms=0

tags=()
[ ! -e toolbox/embedded/bundle.tar ] || tags=(-tags dlx_toolbox)

# attack runs the program that is shipped, which the race detector does not see.
step "go test -race; beside it go test ./attack" # make lint vets; the filters' tests come below
go test -vet=off "${tags[@]}" -timeout 15m -skip '^TestReusedIDs$' "$@" ./attack &
attack=$!
status=0
go list ./... | grep -v '/attack$\|/capture/filter$' |
	CGO_ENABLED=1 xargs go test -race -vet=off "${tags[@]}" -timeout 15m "$@" || status=$?
wait "$attack" || status=$?
[ $status = 0 ] || exit $status

step "go test ./attack: processes' IDs used again at once, which no other test is to see"
go test -vet=off "${tags[@]}" -count=1 -run '^TestReusedIDs$' ./attack

# A compiler of filters does one thing after the other, and the race detector makes the virtual
# machine of its tests ten times slower.
step "go test -tags failpoints: killed at every step; beside it go test ./capture/filter, all of the corpus"
go test -vet=off -count=1 ./capture/filter &
corpus=$!
go test -vet=off -count=1 -tags failpoints -timeout 15m ./internal/failpoint ./record/... ./agent/captures
wait "$corpus"
