#!/bin/bash
# Times `dlx capture -w` against tcpdump and dumpcap on a veth pair of its own; the flags are those of bench/capture.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
need_root
find_go
scripts/setup.sh bench-capture
mkdir -p build
go run -buildvcs=false ./bench/capture -dlx "$ROOT/bin/dlx" -dir "$ROOT/build" "$@"
