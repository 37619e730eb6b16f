#!/bin/bash
# Runs each fuzz target for FUZZ_SECONDS seconds (20).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
mapfile -t targets < <(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . --with-filename | sort)
[ ${#targets[@]} -gt 0 ] || die "no fuzz target found"
seconds=${FUZZ_SECONDS:-20}
for target in "${targets[@]}"; do
	name=${target##*func }
	folder=$(dirname "${target%%:*}")
	step "fuzz $name in $folder for $seconds s"
	# Without a bound, an interesting input is made smaller for up to a minute, in which nothing else is tried.
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" -fuzzminimizetime 10x "$folder"
done
