#!/bin/bash
# Makes dlx's own toolbox in another folder, and wants the same bytes: scripts/reproducible.sh
# [CHAIN...], of scripts/toolbox-build.sh. Without a chain, all C programs are built anew there;
# with some, the others are taken as they are.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
find_go
arch=$(go env GOHOSTARCH)
[ -z "$(git -c safe.directory="$ROOT" status --porcelain)" ] || die "the other folder gets what is committed, and something here is not"
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
git -c safe.directory='*' clone -q "file://$ROOT" "$other/dlx"
mkdir -p "$other/dlx/build/toolbox-$arch"
cp -a "build/sources-$arch" "$other/dlx/build"
(
	cd "$other/dlx"
	dir=$PWD/build/toolbox-$arch
	sed "s|^sources=.*|sources=$PWD/build/sources-$arch|" "$ROOT/build/toolbox-$arch/compiler" >"$dir/compiler"
	step "build ${*:-all} for the toolbox in $PWD"
	offline scripts/toolbox-build.sh "$arch" "$dir" "$@"
	cp -an "$ROOT/build/toolbox-$arch/programs/." "$dir/programs"
	scripts/toolbox.sh
)
for program in bash busybox jq strace; do
	cmp "build/toolbox-$arch/programs/$program" "$other/dlx/build/toolbox-$arch/programs/$program"
done
for bundle in bundle host; do
	cmp "toolbox/embedded/$bundle.tar" "$other/dlx/toolbox/embedded/$bundle.tar"
done
step "the same bytes"
