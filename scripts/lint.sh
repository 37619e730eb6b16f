#!/bin/bash
# Runs golangci-lint of one pinned version, built once into build/bin; --install does only that.
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
[ "${1:-}" != --install ] || exit 0
step "golangci-lint $version"
"$lint" run ./...
step "comments have at most 100 columns"
# shellcheck disable=SC2016 # it is perl that expands
wide=$(git -c safe.directory="$PWD" ls-files '*.go' ':!third_party' | xargs perl -CSD -ne '
	next unless m{^\t*// (?!Output:)};
	s/\t/    /g, chomp;
	print "$ARGV: ", length, " columns: $_\n" if length > 100')
[ -z "$wide" ] || die "$wide"
step "shellcheck"
command -v shellcheck >/dev/null || apt_need shellcheck
shellcheck -x -P scripts scripts/*.sh .ci/run internal/cli/testdata/*.sh
