# shellcheck shell=bash
# Functions for the other scripts, which source this file after set -euo pipefail.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT

step() { printf '==> %s\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "$0 needs root: run make with sudo"; }

# sudo's PATH may lack the folder that Go's own archive is unpacked to.
find_go() {
	command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
	command -v go >/dev/null || die "no go on PATH or in /usr/local/go/bin"
	export PATH
}

# apt_need PACKAGE...: installs those that are missing.
apt_need() {
	local missing=() package
	for package; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	need_root
	step "install ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# Somebody else's apt, such as unattended upgrades, is waited for.
	local install=(apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends)
	"${install[@]}" "${missing[@]}" >/dev/null 2>&1 && return
	apt-get update -qq
	"${install[@]}" "${missing[@]}" >/dev/null
}

# offline COMMAND...: runs it without a network and without variables.
offline() {
	local user=()
	[ "$(id -u)" = 0 ] || user=(--map-current-user)
	unshare --net "${user[@]}" env -i "PATH=$PATH" "$@"
}

# ---- Docker ----

DOCKERD_PID=
DOCKERD_UNIT=
DOCKERD_LOG=${DOCKERD_LOG:-/var/log/dlx-dockerd.log}
DOCKERD_LIMIT=60

docker_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# docker_start makes sure that Docker answers. One that runs already is left alone; docker_stop stops only one that
# this function started.
docker_start() {
	docker_answers && return
	need_root
	if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
		docker_install
		docker_answers && return # the package started its service
	fi
	if [ -d /run/systemd/system ]; then
		step "start the docker service"
		systemctl start docker
		DOCKERD_UNIT=docker
		docker_answers || die "the docker service does not answer"
		return
	fi
	local try
	for try in 1 2; do
		step "start dockerd (log: $DOCKERD_LOG)"
		docker_forget_stale
		setsid dockerd >"$DOCKERD_LOG" 2>&1 </dev/null &
		DOCKERD_PID=$!
		docker_wait && return
		docker_stop
		sleep "$((try * 3))" # an earlier one's containerd may still be going down
	done
	tail -n 20 "$DOCKERD_LOG" >&2
	die "dockerd did not come up"
}

docker_install() {
	apt_need docker.io iptables
	# Where the client is a package of its own, docker.io only recommends it.
	command -v docker >/dev/null || apt_need docker-cli
	if [ -d /run/systemd/system ]; then
		docker_poll 10 || true
	fi
}

# docker_poll SECONDS: waits until Docker answers.
docker_poll() {
	local end=$((SECONDS + $1))
	until docker_answers; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

docker_wait() {
	local end=$((SECONDS + DOCKERD_LIMIT))
	until docker_answers; do
		kill -0 "$DOCKERD_PID" 2>/dev/null || return 1
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# A pid file whose process is no dockerd stops a new one from starting.
docker_forget_stale() {
	local file=/var/run/docker.pid pid
	[ -s $file ] || return 0
	pid=$(cat $file)
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || rm -f $file
}

docker_stop() {
	if [ -n "$DOCKERD_UNIT" ]; then
		systemctl stop docker.socket docker.service
		DOCKERD_UNIT=
	fi
	if [ -n "$DOCKERD_PID" ]; then
		kill "$DOCKERD_PID" 2>/dev/null || true
		wait "$DOCKERD_PID" 2>/dev/null || true
		DOCKERD_PID=
	fi
}

# with_docker PART: what scripts/setup.sh installs for that part, and Docker until the script ends, all as root in $ROOT.
with_docker() {
	cd "$ROOT" || die "no $ROOT"
	need_root
	find_go
	scripts/setup.sh "$1"
	trap docker_stop EXIT
	docker_start
}

# scratch_image REFERENCE PROGRAM...: an image FROM scratch of the static test programs, each at /PROGRAM.
scratch_image() {
	local reference=$1 dir
	shift
	find_go
	dir=$(mktemp -d)
	(cd "$ROOT" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$dir/" "${@/#/./internal/testutil/prog/}")
	tar -C "$dir" -c "$@" | docker import --change "CMD [\"/$1\"]" - "$reference" >/dev/null
	rm -rf "$dir"
}
