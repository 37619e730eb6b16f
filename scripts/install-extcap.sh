#!/bin/bash
# Puts a link to dlx into Wireshark's extcap folders, so that Wireshark lists containers among its interfaces.
# The folders have moved: the personal one with Wireshark 4.2, the system's with 4.6. The link goes to the old and to the
# new place; each Wireshark looks in one of them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<END
usage: $0 [--system] [--uninstall] [DLX]

Links the program DLX (default: dlx on PATH, or bin/dlx here) into the extcap folders of the user who runs this.
  --system      into the folders for all users instead (root)
  --uninstall   take the links out again
DESTDIR, if set, goes before the folders of --system.
END
}

system=
uninstall=
program=
for arg; do
	case $arg in
	--system) system=1 ;;
	--uninstall) uninstall=1 ;;
	-h | --help) usage && exit ;;
	-*) usage >&2 && exit 2 ;;
	*) [ -z "$program" ] || die "more than one program: $program and $arg"; program=$arg ;;
	esac
done

link=dlx-extcap

# folders prints the folders, one a line.
folders() {
	if [ -n "$system" ]; then
		local old
		for old in "${DESTDIR:-}"/usr/lib/*/wireshark "${DESTDIR:-}"/usr/{lib,lib64,local/lib}/wireshark; do
			[ ! -d "$old" ] || printf '%s/extcap\n' "$old"
		done
		printf '%s/usr/libexec/wireshark/extcap\n' "${DESTDIR:-}"
		return
	fi
	printf '%s/wireshark/extcap\n' "${XDG_CONFIG_HOME:-$HOME/.config}" "$HOME/.local/lib"
}

# ours FILE: whether it is a link that this script has put there, to whatever dlx.
ours() { [ -L "$1" ] && [[ $(basename "$(readlink "$1")") == dlx* ]]; }

# find_program prints the absolute path of the program to link to.
find_program() {
	local path=$program
	[ -n "$path" ] || path=$(command -v dlx) || path=$ROOT/bin/dlx
	if [ ! -f "$path" ] || [ ! -x "$path" ]; then
		die "no program $path: run make, or name one"
	fi
	[[ $("$path" extcap --extcap-interfaces 2>/dev/null) == "extcap {version="* ]] || die "$path is no dlx that speaks extcap"
	readlink -f "$path"
}

if [ -z "$system" ]; then
	[ -n "${HOME:-}" ] || die "HOME is not set"
	[ -z "${SUDO_UID:-}" ] || die "run it as yourself, without sudo, or with --system for all users"
elif [ -z "${DESTDIR:-}" ]; then
	need_root
fi
mapfile -t list < <(folders)
for folder in "${list[@]}"; do
	file=$folder/$link
	if [ -e "$file" ] || [ -L "$file" ]; then
		ours "$file" || die "$file is there and is no link to dlx; nothing was changed"
	fi
done

if [ -n "$uninstall" ]; then
	for folder in "${list[@]}"; do
		[ ! -L "$folder/$link" ] || { rm "$folder/$link" && step "took out $folder/$link"; }
	done
	exit
fi

program=$(find_program)
for folder in "${list[@]}"; do
	mkdir -p "$folder"
	ln -sfn "$program" "$folder/$link"
	step "$folder/$link -> $program"
done
echo "Wireshark lists containers after its next start, or after Capture > Refresh Interfaces (F5)."
echo "Who is not root captures through sudo: dlx extcap --help has the line for sudoers."
