#!/bin/bash
# Makes the toolbox `net` of Debian's packages, for looking at networks and at what answers there:
# build/net.tar.zst, or the file in OUT. KEY=FILE signs it; arguments are more of `dlx toolbox
# build`, such as --sequence 2 for the next version.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
packages=(curl procps iproute2 tcpdump knot-dnsutils openssl ethtool mtr-tiny nftables conntrack iperf3 socat redis-tools
	postgresql-client gdb)
out=${OUT:-build/net.tar.zst}
args=(--name net --version "$(scripts/version.sh)" --output "$out")
apt-cache show "${packages[@]}" >/dev/null 2>&1 || apt-get -qq update
for package in "${packages[@]}"; do
	args+=(--deb "$package")
done
[ -z "${KEY-}" ] || args+=(--key "$KEY")
mkdir -p "$(dirname "$out")"
"${DLX_BIN:-bin/dlx}" toolbox build "${args[@]}" "$@"
