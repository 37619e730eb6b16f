#!/bin/bash
# Runs each fuzz target for FUZZ_SECONDS seconds (20).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
mapfile -t targets < <(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . --with-filename | sort)
[ ${#targets[@]} -gt 0 ] || die "no fuzz target found"
seconds=${FUZZ_SECONDS:-20}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
started=$tmp/started

# Without a bound, an interesting input is made smaller for up to a minute, in which nothing else is tried.
fuzz() { # NAME FOLDER
	(cd "$2" && "$tmp/program" -test.run '^$' -test.fuzz "^$1\$" -test.fuzztime "${seconds}s" -test.fuzzminimizetime 10x \
		-test.fuzzcachedir "$(go env GOCACHE)/fuzz/dlx/$2")
}

# failing_input tells whether the run that began with $started wrote one: Go does so for all that a target fails with.
failing_input() { # NAME FOLDER
	local inputs="$2/testdata/fuzz/$1"
	[ -d "$inputs" ] && [ -n "$(find "$inputs" -type f -newer "$started")" ]
}

built=
for target in "${targets[@]}"; do
	name=${target##*func }
	folder=$(dirname "${target%%:*}")
	if [ "$folder" != "$built" ]; then
		go test -vet=off -c -fuzz=. -o "$tmp/program" "$folder"
		built=$folder
	fi
	step "fuzz $name in $folder for $seconds s"
	touch "$started"
	fuzz "$name" "$folder" && continue
	! failing_input "$name" "$folder" || die "$name failed, its input is in $folder/testdata/fuzz/$name"
	# Go before 1.27 can report the end of the time as a failure (golang/go#75804). Anything else fails again.
	step "fuzz $name once more: it ended without a failing input"
	fuzz "$name" "$folder"
done
