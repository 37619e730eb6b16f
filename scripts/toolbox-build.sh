#!/bin/bash
# Builds the default toolbox's C programs static against musl, out of what scripts/toolbox.sh
# fetched, without a network: scripts/toolbox-build.sh ARCH DIR [CHAIN...]. They come to be in
# DIR/programs; the same sources and compiler make the same bytes. A chain is packages of which each
# needs the one before; without any named, all are built.
set -euo pipefail
arch=$1 dir=$2 answers=$PWD/scripts/answers
shift 2
# shellcheck disable=SC1091 # says sources, compiler and triplet
. "$dir/compiler"
: "${sources:?}" "${compiler:?}" "${triplet:?}"
work=$dir/work
sysroot=$work/sysroot
export LC_ALL=C.UTF-8 TZ=UTC KCONFIG_NOTIMESTAMP=1 SOURCE_DATE_EPOCH=0
umask 022
jobs=-j$(nproc)
cross=()
[ "$arch" = "$(dpkg --print-architecture)" ] || cross=("--build=$(dpkg-architecture -qDEB_BUILD_GNU_TYPE)" "--host=$triplet")

# build NAME: what is said on the way is of interest only if it fails.
build() {
	local status=0
	set +e # a function that is called in a condition does not end at the first error
	(
		set -e
		"build_$1"
	) >"$dir/$1.log" 2>&1 </dev/null
	status=$?
	set -e
	[ $status != 0 ] || return 0
	tail -n 30 "$dir/$1.log" >&2
	echo "error: build $1 for the toolbox: all that was said is in $dir/$1.log" >&2
	exit 1
}

# unpack NAME: its source with Debian's patches. dpkg-source(1) compares the digests once more, and
# says that it does not have the maintainer's key.
unpack() {
	rm -rf "${work:?}/$1"
	dpkg-source -q --no-copy -x "$sources/$1"/*.dsc "$work/$1" >/dev/null
	cp "$work/$1/debian/copyright" "$dir/programs/$1.copyright"
}

# make_sysroot: musl, the kernel's headers, and a compiler that takes nothing else.
make_sysroot() {
	rm -rf "$work" "$dir/programs"
	mkdir -p "$sysroot"/{include,lib} "$dir/programs"
	dpkg-deb -x "$sources"/musl-dev/*.deb "$work/musl"
	dpkg-deb -x "$sources"/linux-libc-dev/*.deb "$work/linux"
	cp -a "$work"/musl/usr/include/*/. "$sysroot/include"
	cp -a "$work"/musl/usr/lib/*/. "$sysroot/lib"
	cp -a "$work"/linux/usr/include/{linux,asm-generic,mtd} "$work"/linux/usr/include/*/asm "$sysroot/include"
	cp "$work/musl/usr/share/doc/musl-dev/copyright" "$dir/programs/musl-dev.copyright"
	cp "$work/linux/usr/share/doc/linux-libc-dev/copyright" "$dir/programs/linux-libc-dev.copyright"
	# musl's own specs make programs that ask for a loader, and know static-pie not at all. No
	# _FORTIFY_SOURCE: its functions are glibc's, musl has none.
	cat >"$work/specs" <<-SPECS
		%rename cpp_options old_cpp_options

		*cpp_options:
		-nostdinc -isystem $sysroot/include -isystem include%s %(old_cpp_options)

		*cc1:
		%(cc1_cpu) -nostdinc -isystem $sysroot/include -isystem include%s -Os -fPIE -fstack-protector-strong \
		-fstack-clash-protection -ffunction-sections -fdata-sections -ffile-prefix-map=$work=.

		*link_libgcc:
		-L$sysroot/lib -L .%s

		*libgcc:
		libgcc.a%s %:if-exists(libgcc_eh.a%s)

		*startfile:
		$sysroot/lib/rcrt1.o $sysroot/lib/crti.o crtbeginS.o%s $work/nscd_query.o

		*endfile:
		crtendS.o%s $sysroot/lib/crtn.o

		*link:
		-nostdlib -z noexecstack %{!r:-static -pie --no-dynamic-linker -z text -z relro -z now --gc-sections -s}

		*esp_link:


		*esp_options:


		*esp_cpp_options:


	SPECS
	cc=("$compiler" "-specs=$work/specs")
	CC="${cc[*]}" CFLAGS=
	export CC CFLAGS CC_FOR_BUILD=gcc AR=${compiler%gcc}ar RANLIB=${compiler%gcc}ranlib NM=${compiler%gcc}nm
	no_nscd
}

# no_nscd: musl asks a socket below /var/run about users that are not in passwd(5), and the
# container's would be asked. This one, which each program is linked with before musl, says that it
# has never heard of any (musl's src/passwd/getpw_a.c).
no_nscd() {
	cat >"$work/nscd_query.c" <<-C
		#include <stdint.h>
		#include <stdio.h>
		#include <string.h>
		__attribute__((visibility("hidden")))
		FILE *__nscd_query(int32_t req, const char *key, int32_t *buf, size_t len, int *swap)
		{
			static char none;
			*swap = 0;
			memset(buf, 0, len);
			return fmemopen(&none, 1, "r");
		}
	C
	"${cc[@]}" -c -o "$work/nscd_query.o" "$work/nscd_query.c"
}

# configure NAME ARGUMENT... runs the script in the working directory. A script asks some hundred
# questions, most by compiling a program; scripts/answers has what they came to, and counts for the
# very same source, musl, compiler and recipe.
configure() {
	local name=$1 known=$answers/$1 key
	shift
	key=$(cat "$sources/$name.origin" "$sources/musl-dev.origin" <("$compiler" --version) <(declare -f make_sysroot "build_$name") | sha256sum)
	if [ "$(head -n 1 "$known" 2>/dev/null)" = "# $arch $key" ]; then
		cp "$known" config.cache
	else
		echo "all questions of $name's configure are asked: scripts/toolbox.sh --answers notes them"
	fi
	./configure --cache-file=config.cache "${cross[@]}" "$@"
	# What names this machine's programs or folders is asked anew.
	{
		echo "# $arch $key"
		grep -E '^(ac|am|bash|cf|gl|lt|st)_cv_[A-Za-z0-9_]+=' config.cache | grep -vE '^[a-z]+_cv_(env|path|prog|host|build|target|timestamp)|/' | sort
	} >"$dir/programs/$name.answers"
}

# The terminals that bash knows by itself: it looks no file up, neither the container's nor the
# toolbox's.
terminals=xterm,xterm-256color,xterm-color,screen,screen-256color,tmux,tmux-256color,linux,vt100,vt220,ansi,dumb
terminals+=,alacritty,foot,konsole-256color,st-256color

build_ncurses() {
	unpack ncurses
	cd "$work/ncurses"
	local name
	for name in ${terminals//,/ }; do # what is not there, this machine's terminfo would be asked for
		grep -q "^$name|" misc/terminfo.src || { echo "ncurses does not know the terminal $name"; return 1; }
	done
	configure ncurses --without-{ada,cxx,cxx-binding,debug,manpages,progs,tests,shared} --with-termlib \
		--disable-{database,home-terminfo,root-environ,db-install} --with-fallbacks=$terminals \
		--with-tic-path=/usr/bin/tic --with-infocmp-path=/usr/bin/infocmp --with-build-cc=gcc
	make -C include "$jobs"
	make -C ncurses "$jobs" ../lib/libtinfo.a
}

# What a configure script finds out by running programs, which it can not when it builds for another
# architecture.
export bash_cv_job_control_missing=present bash_cv_sys_named_pipes=present bash_cv_func_sigsetjmp=present \
	bash_cv_unusable_rtsigs=no bash_cv_wcwidth_broken=no bash_cv_printf_a_format=yes bash_cv_getcwd_malloc=yes \
	bash_cv_dup2_broken=no bash_cv_pgrp_pipe=no bash_cv_ulimit_maxfds=yes bash_cv_must_reinstall_sighandlers=no \
	bash_cv_opendir_not_robust=no bash_cv_wexitstatus_offset=8 bash_cv_func_strcoll_broken=no \
	bash_cv_func_snprintf=yes bash_cv_func_vsnprintf=yes bash_cv_func_ctype_nonascii=no bash_cv_fnmatch_equiv_fallback=no

build_bash() {
	unpack bash
	cd "$work/bash"
	# As Debian's bash-musl.diff has it for the script that configure is made from.
	# shellcheck disable=SC2016 # the script's own variable
	replace configure 'test $bash_cv_func_strtoimax = yes' 'test $bash_cv_func_strtoimax = no'
	# Nothing of the container's /etc is read when it starts or ends.
	replace config-top.h '#define SYS_BASHRC ' '//'
	replace config-top.h '#define SYS_BASH_LOGOUT ' '//'
	replace config-top.h '#define SSH_SOURCE_BASHRC' '//'
	replace pathnames.h.in '"/etc/profile"' '"/dev/null"'
	replace lib/readline/rlconf.h '"/etc/inputrc"' '"/dev/null"'
	# No dlopen(3): `enable -f` says that it is not there.
	ac_cv_func_dlopen=no ac_cv_lib_dl_dlopen=no bash_cv_termcap_lib=libtinfo LDFLAGS=-L$work/ncurses/lib \
		configure bash --enable-static-link --without-bash-malloc --disable-nls --with-curses
	make "$jobs" TERMCAP_LIB=-ltinfo
	cp bash "$dir/programs/bash"
}

# replace FILE OLD NEW: OLD has to be there once.
replace() {
	[ "$(grep -cF -- "$2" "$1")" = 1 ] || { echo "$1 has not one $2"; return 1; }
	OLD=$2 NEW=$3 perl -pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$1"
}

# What Debian's static busybox has not, and people type; and $LESS, which would steer it.
applets=(LONG_OPTS SPLIT FEATURE_SPLIT_FANCY NOHUP IPCS IPCRM NICE FLOCK SCRIPT CHRT PMAP IOSTAT MPSTAT MOUNTPOINT HD CKSUM SUM
	BLKID LSATTR COMM PRINTENV PWDX)
without=(EXTRA_COMPAT FEATURE_VI_REGEX_SEARCH FEATURE_CHECK_UNICODE_IN_ENV FEATURE_LESS_ENV)

build_busybox() {
	unpack busybox
	cd "$work/busybox"
	# EXTRA_COMPAT wants GNU's regex functions, as the search of vi does. Text is UTF-8 whatever
	# LANG says, as with musl, up to the last character.
	local all
	all=$(IFS='|' && echo "${applets[*]}|${without[*]}|LAST_SUPPORTED_WCHAR")
	{
		grep -Ev "^(# )?CONFIG_($all)[ =]" debian/config/pkg/static
		printf 'CONFIG_%s=y\n' "${applets[@]}"
		printf '# CONFIG_%s is not set\n' "${without[@]}"
		echo CONFIG_LAST_SUPPORTED_WCHAR=0
	} >.config
	replace shell/ash.c 'read_profile("/etc/profile")' 'read_profile("/dev/null")'
	local make=(make "CC=$CC" "AR=$AR" HOSTCC=gcc SKIP_STRIP=y BB_EXTRA_VERSION=)
	"${make[@]}" oldconfig < <(yes '')
	"${make[@]}" "$jobs"
	"${make[@]}" busybox.links
	cp busybox busybox.links "$dir/programs"
}

build_strace() {
	unpack strace
	cd "$work/strace"
	configure strace --disable-{dependency-tracking,mpers,gcc-Werror} --enable-bundled=yes --enable-stacktrace=no \
		--without-{libdw,libunwind,libiberty,libselinux}
	make "$jobs" -C bundled
	make "$jobs" -C src
	cp src/strace "$dir/programs/strace"
}

# libonig and jq have a script that configure has to be made from first; there is little to find out
# that musl's headers do not say.
build_libonig() {
	unpack libonig
	cd "$work/libonig/src"
	cat >config.h <<-C
		#define HAVE_ALLOCA_H 1
		#define HAVE_INTTYPES_H 1
		#define HAVE_STDINT_H 1
		#define HAVE_SYS_TIME_H 1
		#define HAVE_SYS_TYPES_H 1
		#define HAVE_UNISTD_H 1
		#define SIZEOF_INT __SIZEOF_INT__
		#define SIZEOF_LONG __SIZEOF_LONG__
		#define SIZEOF_LONG_LONG __SIZEOF_LONG_LONG__
		#define SIZEOF_VOIDP __SIZEOF_POINTER__
		#define PACKAGE "onig"
		#define VERSION "6.9.8"
	C
	local listed
	listed=$(sed -n '/^libonig_la_SOURCES/,/^$/p' Makefile.am | grep -oE '[a-z0-9_]+\.c' | grep -v '^regposix\|^regposerr')
	# shellcheck disable=SC2086 # names without blanks
	printf '%s\n' $listed | xargs -P "$(nproc)" -n 8 "${cc[@]}" -O2 -DHAVE_CONFIG_H -I. -c
	# shellcheck disable=SC2086
	"$AR" rcD libonig.a ${listed//.c/.o}
}

build_jq() {
	unpack jq
	cd "$work/jq"
	local defines list
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' src/builtin.jq >src/builtin.inc
	echo "#define JQ_VERSION \"$(scripts/version)\"" >src/version.h
	# Of the functions of mathematics, those that musl has, by the index of its archive (ar(5)).
	# shellcheck disable=SC2016 # perl's variables
	defines=$(comm -12 <(sed -nE 's/^AC_CHECK_MATH_FUNC\(([a-z0-9_]+)\).*/\1/p' configure.ac | sort) \
		<(perl -0777 -ne '$n = unpack "x68N"; print join "\n", split /\0/, substr $_, 72 + 4 * $n, substr($_, 56, 10) - 4 - 4 * $n' \
			"$sysroot/lib/libc.a" | sort -u) | sed 's/.*/-DHAVE_\U&/')
	for list in ALLOCA_H ATEXIT GETENTROPY GETTIMEOFDAY GMTIME GMTIME_R ISATTY LIBONIG LOCALTIME LOCALTIME_R MEMMEM MKSTEMP \
		PTHREAD_KEY_CREATE PTHREAD_ONCE STRFTIME STRPTIME TIMEGM TM_TM_GMT_OFF; do
		defines+=" -DHAVE_$list"
	done
	# shellcheck disable=SC2086 # words
	printf '%s\n' src/*.c | grep -v inject_errors | xargs -P "$(nproc)" -n 4 "${cc[@]}" -O2 -D_GNU_SOURCE -DIEEE_8087 \
		-DUSE_DECNUM=0 $defines -I. -Isrc -I"$work/libonig/src" -c
	"${cc[@]}" -o "$dir/programs/jq" ./*.o "$work/libonig/src/libonig.a"
}

make_sysroot
# Most of the time is spent by configure scripts, one after the other: four go on at once.
[ $# -gt 0 ] || set -- 'ncurses bash' 'libonig jq' busybox strace
running=()
for chain; do
	(for name in $chain; do build "$name"; done) &
	running+=($!)
done
failed=0
for pid in "${running[@]}"; do
	wait "$pid" || failed=1
done
[ $failed = 0 ] || exit 1
rm -rf "$work"
