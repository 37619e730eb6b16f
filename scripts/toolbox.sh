#!/bin/bash
# Makes toolbox/embedded/bundle.tar: dlx-tools and dlx-init built here, busybox, bash, strace and jq
# from Debian through apt's signed index. TOOLBOX_ARCH=arm64 makes one for another architecture.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
arch=${TOOLBOX_ARCH:-$(go env GOHOSTARCH)}
dir=build/toolbox-$arch
mkdir -p "$dir"

for name in dlx-tools dlx-init; do
	CGO_ENABLED=0 GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -X dlx/internal/version.Version=$(scripts/version.sh)" \
		-o "$dir/$name" "./cmd/$name"
done

# fetch PACKAGE ARCH DIR unpacks a package into DIR/PACKAGE, checked against the digest in apt's index.
fetch() {
	local name=$1 deb_arch=$2 to=$3 version digest file
	if [ -s "$to/$name.origin" ] && [ -d "$to/$name" ]; then
		return # `make clean` fetches anew
	fi
	apt-cache show "$name:$deb_arch" >/dev/null 2>&1 || apt-get -qq update
	version=$(apt-cache policy "$name:$deb_arch" | sed -n 's/^ *Candidate: //p')
	digest=$(apt-cache show "$name:$deb_arch=$version" | sed -n 's/^SHA256: //p' | head -n 1)
	rm -rf "${to:?}/debs" "${to:?}/$name"
	mkdir -p "$to/debs"
	(cd "$to/debs" && apt-get -qq -o APT::Sandbox::User=root download "$name:$deb_arch=$version")
	file=$(ls "$to"/debs/*.deb)
	echo "$digest  $file" | sha256sum --check --quiet
	dpkg-deb -x "$file" "$to/$name"
	echo "$version $digest" >"$to/$name.origin"
}

fetch busybox-static "$arch" "$dir"
fetch bash-static "$arch" "$dir"
# strace and jq are dynamic: these are all the packages that they take libraries of, laid over each
# other.
dynamic=(strace jq libc6 libjq1 libonig5 libunwind8 liblzma5)
for name in "${dynamic[@]}"; do
	fetch "$name" "$arch" "$dir"
done
rm -rf "$dir/root"
mkdir "$dir/root"
for name in "${dynamic[@]}"; do
	cp -a "$dir/$name/." "$dir/root"
done
host=$(dpkg --print-architecture)
if [ "$arch" = "$host" ]; then
	cp -u "$dir/busybox-static/bin/busybox" "$dir/host-busybox"
else
	fetch busybox-static "$host" build/toolbox-host
	cp -u build/toolbox-host/busybox-static/bin/busybox "$dir/host-busybox"
fi

go run ./toolbox/pack -dir "$dir" -arch "$arch" -version "$(scripts/version.sh)"
