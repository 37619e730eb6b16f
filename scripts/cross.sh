#!/bin/bash
# Checks the types of all packages, and of their tests, for the other systems, and builds dlx for them, without cgo:
# scripts/cross.sh [SYSTEM/ARCHITECTURE...]. With some named, it is built for these alone: to compile everything that it
# is made of takes minutes for each the first time, and to check the types seconds.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
export CGO_ENABLED=0
targets=(linux/arm64 darwin/arm64 windows/amd64)
check=$(mktemp)
trap 'rm -f "$check"' EXIT
go build -trimpath -buildvcs=false -o "$check" ./internal/typecheck
for target in "${targets[@]}"; do
	step "check the types for $target"
	GOOS=${target%/*} GOARCH=${target#*/} "$check"
done
[ $# = 0 ] || targets=("$@")
flags=()
[ "${CI:-}" != true ] || flags=("-gcflags=all=-dwarf=false -N -l") # nobody runs it there
for target in "${targets[@]}"; do
	step "build dlx for $target"
	export GOOS=${target%/*} GOARCH=${target#*/}
	suffix=
	[ "$GOOS" != windows ] || suffix=.exe
	go build -trimpath -buildvcs=false "${flags[@]}" -ldflags '-s -w' -o "build/cross/dlx-$GOOS-$GOARCH$suffix" ./cmd/dlx
	[ "$GOOS" != darwin ] || go vet ./...
done
