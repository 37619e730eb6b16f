#!/bin/bash
# Runs the attack suite in its long form, as root, on a Docker that it starts when none answers, and writes its table into
# docs/attacks.md. Arguments are go test's.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
with_docker test
export DLX_ATTACK=${DLX_ATTACK:-long} DLX_ATTACK_TABLE=$ROOT/docs/attacks.md DLX_BIN=${DLX_BIN:-$ROOT/bin/dlx}
step "the attack suite, the $DLX_ATTACK form"
go test -count=1 -timeout 12h "$@" ./attack
