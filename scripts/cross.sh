#!/bin/bash
# Compiles everything for the other systems, without cgo, and links dlx: the node program on arm64, the client elsewhere.
# One that is not Linux is vetted too, tests and all: what is for this system is vetted by `make lint`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
export CGO_ENABLED=0
for target in linux/arm64 darwin/arm64 windows/amd64; do
	step "build $target"
	export GOOS=${target%/*} GOARCH=${target#*/}
	suffix=
	[ "$GOOS" != windows ] || suffix=.exe
	go list -trimpath -export ./... >/dev/null # compiles, and links nothing
	[ "$GOOS" != darwin ] || go vet ./...
	go build -trimpath -buildvcs=false -ldflags '-s -w' -o "build/cross/dlx-$GOOS-$GOARCH$suffix" ./cmd/dlx
done
