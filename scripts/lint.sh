#!/bin/bash
# Runs golangci-lint of one pinned version, built once into build/bin; --install does only that.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
version=2.15.0
lint=build/bin/golangci-lint
# Of some hundred linters, .golangci.yml names a third, and the others are not compiled: what it
# lists, and what golangci-lint has on by itself.
listed=$(grep -oE '^ +- [a-z0-9]+$' .golangci.yml | grep -oE '[a-z0-9]+' | sort | paste -sd '|')
build=$version+$(sha256sum <<<"$listed" | head -c 12)

# build_lint: golangci-lint without the other linters. A linter that is listed and not built is an
# error of golangci-lint's.
build_lint() {
	local module=github.com/golangci/golangci-lint/v2 from work
	# Outside of this module, as it is none of its own.
	from=$(cd / && go mod download -json "$module@v$version" | perl -ne 'print $1 if /"Dir": "(.*?)"/')
	work=$(mktemp -d)
	cp -r "$from/." "$work"
	chmod -R u+w "$work"
	# The list is one of paragraphs; an import that no paragraph uses is an error of the compiler's.
	LISTED=$listed perl -00 -pi -e '
		s/^\t\tlinter\.NewConfig\(.*/\n/ms unless /NewConfig\(($ENV{LISTED}|golinters)\./ || /GroupStandard/;
		$used{$1} = 1 if /NewConfig\((\w+)\./;
		push @all, $_; $_ = "";
		if (eof) { $_ = join "", @all; s{^\t".*/pkg/golinters/(\w+)"\n}{$used{$1} ? $& : ""}gem }
	' "$work/pkg/lint/lintersdb/builder_linter.go"
	# It runs once, for less time than its compiler would take to inline functions. Go's own packages
	# are compiled as .ci/run has them.
	(
		cd "$work"
		CGO_ENABLED=0 go build "-gcflags=all=-dwarf=false -l" -gcflags=std=-dwarf=false -ldflags "-s -w -X main.version=$build -X main.date=-" \
			-o "$ROOT/$lint" ./cmd/golangci-lint
	)
	rm -rf "$work"
}

if [ "$("$lint" version --short 2>/dev/null)" != "$build" ]; then
	step "build golangci-lint $version"
	build_lint
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
