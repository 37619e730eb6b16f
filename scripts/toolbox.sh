#!/bin/bash
# Makes toolbox/embedded/bundle.tar: dlx-tools and dlx-init built here, and bash, busybox, strace
# and jq built from Debian's source packages (scripts/toolbox-build.sh); and host.tar beside it, of
# dlx-print, which no session sees. TOOLBOX_ARCH=arm64 makes them for another architecture;
# --answers notes what the C programs' configure scripts find out, in scripts/answers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
arch=${TOOLBOX_ARCH:-$(go env GOHOSTARCH)}
dir=$PWD/build/toolbox-$arch
sources=$PWD/build/sources-$arch
mkdir -p "$dir" "$sources"

case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) die "the default toolbox can be built for amd64 and arm64, not for $arch" ;;
esac

# apt_setup: the machine's mirrors with the source packages, beside its own lists. Nothing of
# /etc/apt is changed, and apt checks the signatures of the indexes as it does for the machine.
apt=()
apt_setup() {
	[ ${#apt[@]} = 0 ] || return 0 # to look up the mirrors takes seconds of processor time
	local codename targets mirror security
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt expands it
	targets=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages')
	mirror=$(sed -nE 's/^Debian (\S+)$/\1/p' <<<"$targets" | head -n 1)
	security=$(sed -nE 's/^Debian-Security (\S+)$/\1/p' <<<"$targets" | head -n 1)
	[ -n "$codename" ] || die "the toolbox is built from Debian's sources, and /etc/os-release names no release of Debian's"
	mirror=${mirror:-http://deb.debian.org/debian} security=${security:-http://deb.debian.org/debian-security}
	mkdir -p "$sources"/{lists,cache}/partial
	local uri suites
	while read -r uri suites; do
		cat <<-SOURCES
			Types: deb deb-src
			URIs: $uri
			Suites: $suites
			Components: main
			Architectures: $arch
			Targets: Packages Sources
			Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

		SOURCES
	done >"$sources/debian.sources" <<-ARCHIVES
		$mirror $codename $codename-updates
		$security $codename-security
	ARCHIVES
	apt=(-qq -o "Dir::Etc::sourcelist=$sources/debian.sources" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root
		-o "Dir::State::Lists=$sources/lists" -o "Dir::Cache=$sources/cache" -o "APT::Architectures=$arch"
		# An image's configuration may forgo what makes look-ups fast.
		-o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o Acquire::GzipIndexes=false)
	[ -e "$sources/updated" ] || apt-get "${apt[@]}" update
	touch "$sources/updated"
}

# checksums: the digests of a source package, of an index's stanza or of a .dsc, as sha256sum(1)
# takes them.
checksums() { sed -nE '/^Checksums-Sha256:/,/^[^ ]/s/^ ([0-9a-f]{64}) [0-9]+ (\S+)$/\1  \2/p'; }

# fetch_source NAME: the newest version whose files are there. Who vouches for it: apt checks the
# signature of Release, which has the digest of Sources, which has those of the .dsc and of all that
# belongs to it; the .dsc has them too. Both are compared here again. The .dsc's own signature is by
# a maintainer's key, which may have left Debian's keyring since.
fetch_source() {
	local name=$1 to=$sources/$1 version stanza
	[ ! -s "$to.origin" ] || return 0 # `make clean` fetches anew
	apt_setup
	for version in $(apt-cache "${apt[@]}" showsrc --only-source "$name" | sed -n 's/^Version: //p' | sort -Vru); do
		rm -rf "$to"
		mkdir -p "$to"
		(cd "$to" && apt-get "${apt[@]}" source --download-only --only-source "$name=$version") && break
		echo "warning: the source of $name $version is not to be had: is there an older one?" >&2
	done
	stanza=$(apt-cache "${apt[@]}" showsrc --only-source "$name" |
		VERSION=${version:-} perl -00 -ne 'print, exit if /^Version: \Q$ENV{VERSION}\E$/m')
	if ! (cd "$to" && checksums <<<"$stanza" | sha256sum --check --quiet && checksums <"$(ls ./*.dsc)" | sha256sum --check --quiet); then
		die "fetch the source of $name: it is not what Debian's index says"
	fi
	{
		echo "version $version"
		sed -n 's/^Directory: /folder /p' <<<"$stanza"
		checksums <<<"$stanza" | sed 's/^/file /'
	} >"$to.new"
	mv "$to.new" "$to.origin"
}

# fetch_package NAME: a package of the architecture's, checked against the digest in the index.
fetch_package() {
	local name=$1 to=$sources/$1 version digest file
	[ ! -s "$to.origin" ] || return 0
	apt_setup
	version=$(apt-cache "${apt[@]}" policy "$name" | sed -n 's/^ *Candidate: //p')
	digest=$(apt-cache "${apt[@]}" show "$name=$version" | sed -n 's/^SHA256: //p' | head -n 1)
	file=$(apt-cache "${apt[@]}" show "$name=$version" | sed -n 's/^Filename: //p' | head -n 1)
	rm -rf "$to"
	mkdir -p "$to"
	(cd "$to" && apt-get "${apt[@]}" download "$name=$version")
	echo "$digest  $(ls "$to"/*.deb)" | sha256sum --check --quiet || die "fetch $name: it is not what Debian's index says"
	printf 'version %s\nfolder %s\nfile %s  %s\n' "$version" "$(dirname "$file")" "$digest" "$(basename "$file")" >"$to.origin"
}

# The compiler is the machine's own, or a package of Debian's for the other architecture.
compiler=gcc
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
	compiler=$triplet-gcc
	apt_need "gcc-${triplet/x86_64/x86-64}"
fi
apt_need dpkg-dev gcc libc6-dev make ncurses-bin perl util-linux xz-utils bzip2 patch debian-archive-keyring
packages=(bash busybox jq libonig musl-dev linux-libc-dev ncurses strace)
for name in "${packages[@]}"; do
	case $name in
	musl-dev | linux-libc-dev) fetch_package "$name" ;;
	*) fetch_source "$name" ;;
	esac
done
rm -rf "$sources"/{lists,cache,updated}
printf '%s=%q\n' sources "$sources" compiler "$compiler" triplet "$triplet" >"$dir/compiler"

# What was built is as good as new while its sources, its compiler and the way that it is built are
# the same.
key=$(cat "$sources"/*.origin <("$compiler" --version) scripts/toolbox-build.sh | sha256sum)
[ "${1-}" != --answers ] || rm -rf scripts/answers "$dir/programs"
if [ "$key" != "$(cat "$dir/programs/key" 2>/dev/null)" ]; then
	step "build bash, busybox, strace and jq from source, which takes minutes the first time"
	offline scripts/toolbox-build.sh "$arch" "$dir"
	cp "$sources"/*.origin "$dir/programs"
	"$compiler" --version | head -n 1 >"$dir/programs/compiler"
	if [ "${1-}" = --answers ]; then
		mkdir -p scripts/answers
		for file in "$dir"/programs/*.answers; do
			cp "$file" "scripts/answers/$(basename "$file" .answers)"
		done
	fi
	echo "$key" >"$dir/programs/key"
fi

for name in dlx-tools dlx-init dlx-print; do
	CGO_ENABLED=0 GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -X dlx/internal/version.Version=$(scripts/version.sh)" \
		-o "$dir/$name" "./cmd/$name"
done
go run ./toolbox/pack -dir "$dir" -arch "$arch" -version "$(scripts/version.sh)"
