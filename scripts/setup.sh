#!/bin/bash
# Installs what a make target needs and the machine lacks: scripts/setup.sh demo|test|kernels|bench|bench-capture
set -euo pipefail
. "$(dirname "$0")/lib.sh"

demo=(git iproute2 procps tcpdump util-linux)
bench=(git procps tcpdump util-linux)
bench_capture=(git iproute2 procps tcpdump util-linux wireshark-common)
kernels=(apparmor busybox-static cpio debian-archive-keyring qemu-system-x86)
test=("${demo[@]}" bash-static busybox-static gcc gdb libc6-dev libpcap-dev musl-tools netbase passwd podman strace sudo systemd tshark uidmap)

case ${1:-} in
demo) apt_need "${demo[@]}" ;;
bench) apt_need "${bench[@]}" ;;
bench-capture) apt_need "${bench_capture[@]}" ;;
test) apt_need "${test[@]}" ;;
kernels)
	apt_need "${kernels[@]}"
	# Another vendor's package of runc stands in the way of Debian's.
	command -v runc >/dev/null || apt_need runc
	;;
*) die "usage: $0 demo|test|kernels|bench|bench-capture" ;;
esac
