#!/bin/bash
# Installs what a make target needs and the machine lacks: scripts/setup.sh demo|test|bench|bench-capture
set -euo pipefail
. "$(dirname "$0")/lib.sh"

demo=(git iproute2 procps tcpdump util-linux)
bench=(git procps tcpdump util-linux)
bench_capture=(git iproute2 procps tcpdump util-linux wireshark-common)
test=("${demo[@]}" bash-static busybox-static gcc gdb libc6-dev libpcap-dev netbase passwd strace sudo tshark)

case ${1:-} in
demo) apt_need "${demo[@]}" ;;
bench) apt_need "${bench[@]}" ;;
bench-capture) apt_need "${bench_capture[@]}" ;;
test) apt_need "${test[@]}" ;;
*) die "usage: $0 demo|test|bench|bench-capture" ;;
esac
