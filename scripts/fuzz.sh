#!/bin/bash
# Runs each fuzz target for FUZZ_SECONDS seconds (20).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
mapfile -t targets < <(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . --with-filename | sort)
[ ${#targets[@]} -gt 0 ] || die "no fuzz target found"
seconds=${FUZZ_SECONDS:-20}
started=$(mktemp)
trap 'rm -f "$started"' EXIT

# Without a bound, an interesting input is made smaller for up to a minute, in which nothing else is tried.
fuzz() { # NAME FOLDER
	go test -run '^$' -fuzz "^$1\$" -fuzztime "${seconds}s" -fuzzminimizetime 10x "$2"
}

# failing_input tells whether the run that began with $started wrote one: Go does so for all that a target fails with.
failing_input() { # NAME FOLDER
	local inputs="$2/testdata/fuzz/$1"
	[ -d "$inputs" ] && [ -n "$(find "$inputs" -type f -newer "$started")" ]
}

for target in "${targets[@]}"; do
	name=${target##*func }
	folder=$(dirname "${target%%:*}")
	step "fuzz $name in $folder for $seconds s"
	touch "$started"
	fuzz "$name" "$folder" && continue
	! failing_input "$name" "$folder" || die "$name failed, its input is in $folder/testdata/fuzz/$name"
	# Go before 1.27 can report the end of the time as a failure (golang/go#75804). Anything else fails again.
	step "fuzz $name once more: it ended without a failing input"
	fuzz "$name" "$folder"
done
