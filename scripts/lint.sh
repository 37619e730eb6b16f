#!/bin/bash
# Runs golangci-lint of one pinned version, built once into build/bin.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
version=2.15.0
lint=build/bin/golangci-lint
if ! "$lint" version --short 2>/dev/null | grep -qx "v\?$version"; then
	step "build golangci-lint $version"
	GOBIN=$ROOT/build/bin CGO_ENABLED=0 go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$version"
fi
step "golangci-lint $version"
"$lint" run ./...
step "shellcheck"
command -v shellcheck >/dev/null || apt_need shellcheck
shellcheck -x -P scripts scripts/*.sh .ci/run internal/cli/testdata/*.sh
