#!/bin/bash
# Writes the generated files anew, or with --check only says whether they are as their sources make them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
programs=internal/seccomp/programs
if [ "${1:-}" != --check ]; then
	step "generate $programs"
	go run ./internal/seccomp/gen -o $programs
	exit
fi
step "generated files are as their sources make them"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
go run ./internal/seccomp/gen -o "$made"
diff -rq "$made" $programs || die "run make generate, and commit what it changes"
