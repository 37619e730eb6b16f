#!/bin/bash
# Plays the article on distroless containers through, with a container that has one static program and nothing else:
# what fails by hand, and what dlx does instead. It starts a Docker when none answers, makes one image and one
# container, removes both, and fails with the step's name when a step does not show what it should.
set -Eeuo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
need_root
find_go
scripts/setup.sh demo

dlx=$ROOT/bin/dlx
name=dlx-demo-$$
image=dlx-demo:$$
work=$(mktemp -d)
container=
now='the set-up'
shown=()

finish() {
	local status=$?
	trap - EXIT ERR
	[ -z "$container" ] || docker rm -f "$container" >/dev/null
	docker rmi -f $image >/dev/null 2>&1 || true
	rm -rf "$work"
	docker_stop
	exit $status
}
trap finish EXIT
trap 'printf "\nFAILED: %s (line %s: %s)\n" "$now" "$LINENO" "$BASH_COMMAND" >&2' ERR

begin() {
	now=$1
	printf '\n'
	step "$1"
}

# run COMMAND...: shows the command as it would be typed, and runs it.
run() {
	local arg
	printf '$'
	for arg in "${@/#$dlx/dlx}"; do
		[[ $arg =~ ^[A-Za-z0-9_./:=@%+-]+$ ]] || arg="'$arg'"
		printf ' %s' "$arg"
	done
	printf '\n'
	"$@" 2>&1 | tee "$work/out"
}

# has REGEXP...: the last output has to contain each of them.
has() {
	local pattern
	for pattern; do
		grep -qE -- "$pattern" "$work/out" || die "$now: the output has no $pattern"
	done
}

# wait_for FILE REGEXP: until the file of a background command has it.
wait_for() {
	local end=$((SECONDS + 15))
	until grep -qE -- "$2" "$1"; do
		[ $SECONDS -lt $end ] || die "$now: no $2 in:"$'\n'"$(cat "$1")"
		sleep 0.1
	done
}

untouched() {
	local diff
	diff=$(docker diff "$container")
	[ -z "$diff" ] || die "$now: docker diff shows:"$'\n'"$diff"
	[ "$(cat "/proc/$pid/mountinfo")" = "$mounts" ] || die "$now: the container's mounts have changed"
	printf '$ docker diff %s\n(nothing; and its mount table is as before)\n' "$name"
}

docker_start
step "a container FROM scratch with one static program, a web server"
scratch_image $image web
container=$(docker run -d --name $name $image)
pid=$(docker inspect --format '{{.State.Pid}}' "$container")
docker logs -f "$container" >"$work/log" 2>&1 &
wait_for "$work/log" listening
mounts=$(cat "/proc/$pid/mountinfo")

begin "a shell by docker exec: there is none"
if run docker exec $name /bin/sh; then
	die "$now: it worked"
fi
shown+=("docker exec has no shell to start")

begin "a shell by dlx debug: the target's files at /, its processes and network, and a toolbox on PATH"
run "$dlx" debug $name -- sh -c 'ls -l /; ps -ef; ip addr show eth0; which ls ps wget'
has ' web$' '/web' 'inet .* eth0$' '^/dev/\.dlx/'
run "$dlx" debug $name -- wget -qO- http://127.0.0.1/
has '^hello from web$'
shown+=("dlx debug gives a shell with tools in it")

begin "what a session leaves behind"
untouched
shown+=("the session leaves no trace in the container")

begin "dlx inject: a toolbox for docker exec"
run "$dlx" inject $name
run docker exec $name /.dlx/bin/sh -c 'ls -d /web; ps; ip addr show eth0; wget -qO- http://127.0.0.1/'
has '^/web$' 'inet .* eth0$' '^hello from web$'
shown+=("dlx inject makes docker exec work")

begin "dlx eject: and out again"
run "$dlx" eject $name
untouched
shown+=("dlx eject takes everything out again")

begin "the host's tcpdump in the container's namespaces"
printf '$ dlx debug %s --fs host -- tcpdump -nn -i any -c 4 tcp port 80\n' $name
timeout 30 "$dlx" debug $name --fs host -- tcpdump -nn -i any -c 4 tcp port 80 >"$work/tcpdump" 2>&1 &
job=$!
wait_for "$work/tcpdump" 'listening on'
"$dlx" debug $name -- wget -qO- http://127.0.0.1/ >/dev/null
wait $job
tee "$work/out" <"$work/tcpdump"
has '127\.0\.0\.1\.80: Flags \[S\]' '4 packets captured'
shown+=("the host's tcpdump sees the container's packets")

begin "dlx capture: the container's traffic, with no tool on either side"
printf '$ dlx capture %s -i any -c 10 -- tcp port 80\n' $name
timeout 30 "$dlx" capture $name -i any -c 10 -- tcp port 80 >"$work/capture" 2>&1 &
job=$!
wait_for "$work/capture" 'listening on|capturing'
"$dlx" debug $name -- wget -qO- http://127.0.0.1/ >/dev/null
wait $job
tee "$work/out" <"$work/capture"
has 'GET / HTTP/1\.[01]' '10 packets captured'
shown+=("dlx capture shows the HTTP request")

begin "what there is to look into, and what this machine offers"
run "$dlx" ps
has "$name"
run "$dlx" doctor
has kernel docker

printf '\n'
step "shown:"
printf '    %s\n' "${shown[@]}"
