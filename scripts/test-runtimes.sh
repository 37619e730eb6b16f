#!/bin/bash
# Tests dlx on other runtimes than make test does: scripts/test-runtimes.sh [NAME...]. Versions that Debian has not are built
# once, into $DLX_RUNTIMES. With --docs the table of docs/runtimes.md is written anew out of what was seen.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
need_root
find_go

cache=${DLX_RUNTIMES:-/var/cache/dlx/runtimes}
containerd_version=2.3.5 moby_version=2.0.0-beta.24 runc_version=1.2.6
all=(docker docker-crun docker-userns docker29 containerd containerd2 podman podman-crun)

docs=
if [ "${1:-}" = --docs ]; then
	docs=docs/runtimes.md
	shift
fi
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
[ "${CI:-}" != true ] || export DLX_TEST_NO_SKIP=1
export GORACE=atexit_sleep_ms=0 GOFLAGS=-trimpath

work=$(mktemp -d /var/tmp/dlx-runtimes-XXXXXX)
chmod 711 "$work"
export DLX_TEST_TABLE=$work/table
docker=
bridge=
finish() {
	docker_end
	rm -rf "$work"
}
trap finish EXIT

# built NAME VERSION PACKAGE...: the folder of programs that the module proxy has the sources of.
built() {
	local name=$1 version=$2 dir=$cache/$1-$2
	shift 2
	if [ ! -e "$dir/done" ]; then
		step "build $name $version" >&2
		mkdir -p "$dir"
		GOBIN=$dir CGO_ENABLED=${cgo:-0} go install -tags "${tags:-}" -ldflags '-s -w' "${@/%/@v$version}" >&2
		touch "$dir/done"
	fi
	echo "$dir"
}
built_containerd() { tags='no_btrfs no_devmapper no_zfs' built containerd $containerd_version github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2}; }
built_moby() { tags='exclude_graphdriver_btrfs exclude_graphdriver_zfs' built moby $moby_version github.com/moby/moby/v2/cmd/dockerd; }
built_runc() {
	apt_need gcc libc6-dev libseccomp-dev pkg-config >&2
	cgo=1 tags=seccomp built runc $runc_version github.com/opencontainers/runc
}

# on_v1 DIR: crun there, which does not work where version 2 of control groups is mounted beside version 1.
on_v1() {
	apt_need crun
	mkdir -p "$1"
	cat >"$1/crun" <<-'CRUN'
		#!/bin/sh
		[ -d /sys/fs/cgroup/unified ] || exec /usr/bin/crun "$@"
		exec unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified; exec /usr/bin/crun "$@"' crun "$@"
	CRUN
	chmod 755 "$1/crun"
}

# docker_begin ARG...: a Docker with folders, socket and bridge of its own.
docker_begin() {
	local dir=$work/docker
	mkdir -p "$dir"
	echo '{}' >"$dir/daemon.json"
	bridge=dlxrt$$
	ip link add "$bridge" type bridge
	ip addr add 172.30.99.1/24 dev "$bridge"
	ip link set "$bridge" up
	export DOCKER_HOST=unix://$dir/docker.sock
	setsid dockerd --data-root="$dir/data" --exec-root="$dir/exec" --pidfile="$dir/pid" --host="$DOCKER_HOST" --config-file="$dir/daemon.json" \
		--bridge="$bridge" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false "$@" >"$work/docker.log" 2>&1 </dev/null &
	docker=$!
	docker_poll 60 || { tail -n 20 "$work/docker.log" >&2; die "dockerd did not come up"; }
}

docker_end() {
	[ -z "$docker" ] || { kill "$docker"; wait "$docker" || true; } 2>/dev/null
	docker=
	[ -z "$bridge" ] || ip link del "$bridge"
	bridge=
	findmnt -rno TARGET | grep "^$work/" | sort -r | xargs -r umount -l
	rm -rf "$work/docker"
}

# suite PACKAGE TESTS
suite() {
	CGO_ENABLED=1 go test -race -vet=off "${embedded[@]}" -count=1 -timeout 10m -run "$2" "$1"
}

on_docker() {
	suite ./target/docker '^TestRuntime$'
	suite ./engine/everyruntime "^(TestDocker|TestHoldDocker)\$"
	suite ./engine "^TestLocal\$"
}

scripts/setup.sh test
embedded=()
[ ! -e toolbox/embedded/bundle.tar ] || embedded=(-tags dlx_toolbox)
for name in "${names[@]}"; do
	step "$name"
	export DLX_TEST_RUNTIME=$name
	case $name in
	docker)
		docker_install
		docker_begin
		suite ./engine/everyruntime "^TestDocker\$" # make test has the rest
		docker_end
		;;
	docker-crun)
		docker_install
		on_v1 "$work/bin"
		docker_begin --add-runtime "crun=$work/bin/crun" --default-runtime crun
		on_docker
		docker_end
		;;
	docker-userns)
		docker_install
		docker_begin --userns-remap=default
		suite ./target/docker '^TestRuntime$'
		suite ./engine/everyruntime '^TestDocker$' # the rest shares the host's namespaces now and then
		docker_end
		;;
	docker29)
		docker_install
		dir=$(built_moby):$(built_runc)
		PATH=$dir:$PATH docker_begin
		PATH=$dir:$PATH on_docker
		docker_end
		;;
	containerd | containerd2)
		dir=/nowhere
		[ "$name" = containerd ] || dir=$(built_containerd):$(built_runc)
		PATH=$dir:$PATH suite ./target/containerd '^(TestRuntime|TestPod|TestFollowedPod)$'
		PATH=$dir:$PATH suite ./target/crio '^(TestRuntime|TestPod)$' # by the interface that CRI-O has too
		PATH=$dir:$PATH suite ./engine/everyruntime "Containerd\$"
		;;
	podman | podman-crun)
		[ "$name" = podman ] || { on_v1 "$work/bin"; export DLX_TEST_OCI=$work/bin/crun; }
		suite ./target/podman '^(TestRuntime|TestRootless)$'
		suite ./engine/everyruntime Podman
		suite ./internal/cli '^TestRootless$'
		unset DLX_TEST_OCI
		;;
	*) die "no runtime $name: there are ${all[*]}" ;;
	esac
done

# table: what was done in which state, by runtime. A verb that was not tried there has an empty field.
table() {
	awk -F'\t' '
		!($1 in runtime) { runtime[$1]; order[++n] = $1 }
		!(($2, $3) in row) { row[$2, $3]; rows[++m] = $2 FS $3 }
		{ seen[$1, $2, $3] = $4 == "true" && seen[$1, $2, $3] != "no" ? "yes" : "no" }
		END {
			printf "| |"; for (i = 1; i <= n; i++) printf " %s |", order[i]
			printf "\n| --- |"; for (i = 1; i <= n; i++) printf " --- |"
			print ""
			for (j = 1; j <= m; j++) {
				split(rows[j], what, FS)
				printf "| `%s`, %s |", what[1], what[2]
				for (i = 1; i <= n; i++) printf " %s |", seen[order[i], what[1], what[2]]
				print ""
			}
		}' "$DLX_TEST_TABLE"
}

[ -e "$DLX_TEST_TABLE" ] || exit 0
table
[ -n "$docs" ] || exit 0
table >"$work/rows"
awk -v rows="$work/rows" '
	/^<!-- runs/ { print; print ""; while ((getline line < rows) > 0) print line; print ""; skip = 1 }
	/^<!-- end/ { skip = 0 }
	!skip && !/^<!-- runs/ { print }' "$docs" >"$work/docs"
cat "$work/docs" >"$docs"
