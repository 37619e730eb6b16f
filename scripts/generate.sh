#!/bin/bash
# Writes the generated files anew, or with --check only says whether they are as their sources make them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
programs=internal/seccomp/programs
profile=deploy/seccomp.json
if [ "${1:-}" != --check ]; then
	step "generate $programs and $profile"
	go run ./internal/seccomp/gen -o $programs -agent $profile
	step "third_party"
	scripts/third-party.sh third_party
	step "agent/proto"
	scripts/proto.sh agent/proto
	exit
fi
step "generated files are as their sources make them"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
go run ./internal/seccomp/gen -o "$made/programs" -agent "$made/profile"
scripts/third-party.sh "$made/third_party"
scripts/proto.sh "$made/proto"
for pair in "programs $programs" "profile $profile" "third_party third_party" "proto agent/proto"; do
	read -r new old <<<"$pair"
	diff -rq "$made/$new" "$old" || die "run make generate, and commit what it changes"
done
