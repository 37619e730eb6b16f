#!/bin/bash
# Runs the long forms of the tests that look for what sessions leave behind, as root, on a Docker that it starts when none
# answers. SESSIONS and AT_ONCE say how many.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
with_docker test
export DLX_BIN=$ROOT/bin/dlx

step "${SESSIONS:=1000} sessions after one another, ${AT_ONCE:=50} at once"
go test -count=1 -v -tags dlx_toolbox -timeout 60m ./internal/soak -sessions "$SESSIONS" -at-once "$AT_ONCE"

step "killed at every pass of every step"
go test -count=1 -v -tags failpoints -timeout 120m ./internal/failpoint -long
