#!/bin/bash
# Runs the tests of internal/kerneltest on kernels of Debian's, each in an emulated machine of its own that has cgroup
# version 2 and the security modules: scripts/test-kernels.sh [KERNEL...] [-- TEST-FLAG...]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
need_root
find_go
[ "$(dpkg --print-architecture)" = amd64 ] || die "the kernels to boot are amd64's"

# Of Debian's releases: bullseye has the oldest kernel that is still to be had, bookworm one with Landlock.
declare -A suites=([5.10]=bullseye [6.1]=bookworm)
kernels=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[ -n "${suites[$1]:-}" ] || die "no kernel $1: there are ${!suites[*]}"
	kernels+=("$1")
	shift
done
[ $# = 0 ] || shift # --
[ ${#kernels[@]} -gt 0 ] || kernels=(5.10 6.1)

cache=build/kernels
cpu=qemu64,+rdrand
limit=600 # seconds, for a machine that is busy with other things: a quiet one takes a third
# Each module after those that it needs. The last one makes block devices in memory: a host's disks.
modules=(overlay inet_diag tcp_diag udp_diag unix_diag af_packet_diag netlink_diag brd)

scripts/setup.sh kernels

# fetch KERNEL: its image and modules, into build/kernels/KERNEL. apt checks the signature of the other release's index as
# it does for the machine's own. `make clean` fetches anew.
fetch() {
	local dir=$cache/$1 mirror package
	[ ! -s "$dir/vmlinuz" ] || return 0
	step "fetch Linux $1 from Debian ${suites[$1]}"
	rm -rf "$dir"
	mkdir -p "$dir"/{lists,cache}/partial
	# shellcheck disable=SC2016 # apt expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | head -n 1)
	cat >"$dir/debian.sources" <<-SOURCES
		Types: deb
		URIs: ${mirror:-http://deb.debian.org/debian}
		Suites: ${suites[$1]}
		Components: main
		Architectures: amd64
		Targets: Packages
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	SOURCES
	local options=(-qq -o "Dir::Etc::sourcelist=$PWD/$dir/debian.sources" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::Lists=$PWD/$dir/lists" -o "Dir::Cache=$PWD/$dir/cache" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update
	package=$(apt-cache "${options[@]}" search --names-only "^linux-image-${1/./\\.}\.[0-9].*-cloud-amd64\$" |
		cut -d ' ' -f 1 | sort -V | tail -n 1)
	[ -n "$package" ] || die "Debian ${suites[$1]} has no kernel $1"
	(cd "$dir" && apt-get "${options[@]}" download "$package" && dpkg-deb -x "$package"_*.deb root)
	mkdir "$dir/modules"
	local module
	for module in "${modules[@]}"; do
		find "$dir/root/lib/modules" -name "$module.ko" -exec cp {} "$dir/modules/" \;
	done
	mv "$dir"/root/boot/vmlinuz-* "$dir/vmlinuz"
	rm -rf "$dir"/{root,lists,cache} "$dir"/*.deb
}

# install_program PROGRAM: puts it into the guest's root with the libraries that it needs, each at its own path.
install_program() {
	local file
	for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$file")"
		cp -Lu "$file" "$root$file"
	done
}

# make_root: what all guests have: the tests, dlx, a container runtime, and busybox for the rest.
make_root() {
	mkdir -p "$root"/{bin,dev,etc,lib,mnt,modules,proc,root,run,sys,tmp,usr/sbin,var/lib}
	chmod 1777 "$root/tmp"
	cp scripts/guest-init.sh "$root/init"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "${DLX_BIN:-bin/dlx}" "$root/bin/dlx"
	install_program "$(command -v runc)"
	install_program /usr/sbin/apparmor_parser
	printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false >"$root/etc/passwd"
	printf '%s\n' root:x:0: tty:x:5: nogroup:x:65534: >"$root/etc/group"
	printf '%s\n' "${modules[@]}" >"$root/modules/order"
	printf '%s\n' -test.v -test.timeout="$((limit - 60))s" "$@" >"$root/arguments"
	CGO_ENABLED=0 go test -c -trimpath -tags kernel -ldflags '-s -w' -o "$root/kernel.test" ./internal/kerneltest
	# As internal/testutil builds them, and where it does: none is linked anew.
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o build/test/prog/ ./internal/testutil/prog/...
	cp -r build/test/prog "$root/lib"
}

# kvm_works says whether there is a KVM that has what a processor is to have. A virtual machine's own may have next to
# nothing, and be slower than an emulator.
kvm_works() {
	[ -w /dev/kvm ] || return
	timeout 10 qemu-system-x86_64 -nodefaults -no-user-config -display none -S -monitor stdio \
		-accel kvm -cpu "$cpu,enforce" <<<quit >/dev/null 2>&1
}

# boot KERNEL: runs the tests there. Its console goes to build/kernels/KERNEL.log, and its lines about whole tests to the
# standard output as well.
boot() {
	local kernel=$1 accel=tcg,thread=multi status
	! kvm_works || accel=kvm
	# Two archives after each other are one (the kernel's initramfs-buffer-format.rst). Neither is compressed: an
	# emulated processor takes longer to unpack them than the emulator to copy them. Nor is anybody there to be guarded
	# from by mitigations.
	(cd "$cache/$kernel" && find modules -name '*.ko' | cpio -o -H newc --quiet | cat "$work/root.cpio" -) >"$work/$kernel.cpio"
	timeout --kill-after=5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-accel $accel -cpu $cpu -smp 2 -m 1024 -kernel "$cache/$kernel/vmlinuz" -initrd "$work/$kernel.cpio" \
		-append 'console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on lsm=landlock,lockdown,yama,apparmor,bpf' \
		-pidfile "$work/$kernel.pid" -serial stdio -serial "file:$work/$kernel.status" </dev/null 2>&1 |
		sed -u 's/\r//g' | tee "$cache/$kernel.log" | sed -un "s/^--- /$kernel: &/p" || true
	status=$(tr -d '\r\n' <"$work/$kernel.status")
	[ "$status" = 0 ] && return
	cat "$cache/$kernel.log"
	die "the tests on Linux $kernel: ${status:-no exit} status"
}

work=$(mktemp -d)
root=$work/root
jobs=()
finish() {
	[ ${#jobs[@]} = 0 ] || kill "${jobs[@]}" 2>/dev/null || true
	local file
	for file in "$work"/*.pid; do # of a machine that still runs: the emulator removes it when it ends
		[ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
	done
	wait
	rm -rf "$work"
}
trap finish EXIT

for kernel in "${kernels[@]}"; do
	fetch "$kernel"
done
make_root "$@"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/root.cpio"
for kernel in "${kernels[@]}"; do
	step "boot Linux $kernel"
	boot "$kernel" &
	jobs+=($!)
done
failed=()
for i in "${!jobs[@]}"; do
	wait "${jobs[i]}" || failed+=("${kernels[i]}")
done
jobs=()
[ ${#failed[@]} = 0 ] || die "failed on: ${failed[*]}"
