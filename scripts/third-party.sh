#!/bin/bash
# Writes the modules of third_party into a folder: scripts/third-party.sh FOLDER. They are what was
# published, checked against the sums below, but for their regular expressions, which are compiled
# when they are first used: dlx uses none, and compiling them was a quarter of each start
# (docs/performance.md). A module goes when a version is published that does the same
# (https://github.com/distribution/reference/pull/25).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
find_go
[ $# = 1 ] || die "usage: $0 FOLDER"
mkdir -p "$1"
to=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# lazily FILE...: regular expressions in variables become functions that compile them once.
lazily() {
	sed -E -i \
		-e 's/^(var |\t)(\w+) += regexp\.MustCompile\((.*)\)$/\1\2 = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(\3) })/' \
		-e 's/^(\t\tSHA[0-9]+: )regexp\.MustCompile\((.*)\),$/\1sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(\2) }),/' \
		-e 's/map\[Algorithm\]\*regexp\.Regexp/map[Algorithm]func() *regexp.Regexp/' \
		-e 's/\b(\w+Regexp(Anchored)?)(\.[A-Z]\w+\(|[,)])/\1()\3/g' \
		-e 's/\br\.MatchString\(encoded\)/r().MatchString(encoded)/' \
		-e 's/\b(yamlStyleFloat|base60float|aliasPathName|aliasPathDigits|aliasPathQuoted|anchorName|versionPattern)\.(Match|Find)/\1().\2/g' \
		"$@"
	perl -0 -pi -e 's/^\t"regexp"\n/$&\t"sync"\n/m if /sync\.OnceValue/ && !/^\t"sync"$/m' "$@"
}

# module PATH VERSION SUM [FOLDER]: SUM is the one of the checksum database (go.sum has no such line
# for a module that a folder replaces). Of its packages, those stay that the first one takes. Their
# own tests are run on what becomes of them.
module() {
	local from name=${4:-${1##*/}} folders folder
	# Outside of this module, whose go.mod names the folder itself.
	from=$(cd / && go mod download -json "$1@$2" | SUM=$3 perl -0ne '/"Sum": "\Q$ENV{SUM}\E"/ && /"Dir": "(.*?)"/ && print $1')
	[ -n "$from" ] || die "$1 $2 is not the module of sum $3"
	cp -r "$from" "$work/$name.all"
	chmod -R u+w "$work/$name.all"
	(
		cd "$work/$name.all"
		mapfile -t folders < <(go list -deps -f '{{.ImportPath}}' . | MODULE=$1 perl -ne 's{^\Q$ENV{MODULE}\E(?=[/\n])}{.} && print')
		for folder in "${folders[@]}"; do lazily "$folder"/*.go; done
		go mod edit -go=1.21 # sync.OnceValue
		GOFLAGS='' go test -vet=off "${folders[@]}" # with -trimpath they do not find their files; vet would look at all of Go's packages
		for folder in "${folders[@]}"; do
			mkdir -p "$work/$name/$folder"
			cp "$folder"/*.go "$work/$name/$folder"
			rm -f "$work/$name/$folder"/*_test.go
		done
		cp go.mod LICENSE "$work/$name"
		[ ! -e NOTICE ] || cp NOTICE "$work/$name" # Apache License 2.0, 4 (d)
		cd "$work/$name"
		gofmt -l . | while read -r file; do cmp -s "$from/$file" "$file" || gofmt -w "$file"; done
		find . -name '*.go' | while read -r file; do # Apache License 2.0, 4 (b)
			cmp -s "$from/$file" "$file" || sed -i '1i // Changed by dlx: regular expressions are compiled when they are first used.\n' "$file"
		done
	)
	rm -rf "${to:?}/$name"
	cp -r "$work/$name" "$to"
}

module github.com/distribution/reference v0.6.0 h1:0IXCQ5g4/QMHHkarYzh5l+u8T3t73zM5QvfrDyIgxBk=
module github.com/opencontainers/go-digest v1.0.0 h1:apOUWs51W5PlhuyGyz9FCeeBIOUDA/6nW8Oi/yOhh5U=
module go.yaml.in/yaml/v4 v4.0.0 h1:/LG1pNO84Z4l603j/xMn69CcS5OYhMQ/f7l2LoQUGuw= yaml
