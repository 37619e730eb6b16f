package build

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"dlx/inject"
	"dlx/toolbox"
)

// A program in C, and each of its libraries, names plug-ins and start-up files: nsswitch.conf names
// modules of the C library's, openssl.cnf engines, /usr/lib/…/gconv converters, and the loader
// takes /etc/ld.so.preload. In a session all of these are the container's. So a toolbox's programs
// look for them where nothing is: below a folder in /dev that is dlx's own (inject, reserved), or
// at an empty path. /bin/sh becomes /dev/sh, the toolbox's.
//
// Files about the machine, such as /etc/hosts and /etc/resolv.conf, stay the container's. So do the
// users of /etc/passwd, but not their homes and shells: curl and ssh look for start-up files in
// that home, whatever HOME is. dlx's own programs do not, and get the file itself.

// muslFolders begins the name of the file that tells musl's loader where to look. It stands behind
// a prefix in a format (ldso/dynlink.c).
const muslFolders = "/etc/ld-musl-"

// elsewhere are the beginnings of paths, with others as long that lead nowhere.
var elsewhere = []struct{ from, to string }{
	{muslFolders, inject.Nowhere + "/musl"},
	{"/usr/local", inject.Nowhere + "/l"},
	{"/usr/lib", inject.Nowhere},
	{"/usr/share", inject.Nowhere + "/s"},
	{"/lib/x86_64-linux-gnu", inject.Nowhere + "/64-linux-gnu"},
	{"/lib/aarch64-linux-gnu", inject.Nowhere + "/h64-linux-gnu"},
}

// nameService says in which order Go's resolver asks (net/nss.go).
const nameService = "/etc/nsswitch.conf"

// maxPath is PATH_MAX of limits.h.
const maxPath = 4096

// zones is where tzset(3) looks for a time zone by its name, which is data.
const zones = "/usr/share/zoneinfo"

// machineFiles are names of files or folders in /etc that say what the container is like. Nobody
// loads or runs anything from them.
var machineFiles = []string{
	"passwd", "group", "shadow", "gshadow", "subuid", "subgid", "hosts", "hostname", "resolv.conf", "host.conf", "gai.conf", "services",
	"protocols", "networks", "ethers", "rpc", "localtime", "timezone", "mtab", "fstab", "machine-id", "os-release", "lsb-release",
	"debian_version", "shells", "iproute2", "ca-certificates", "ld.so.conf", "sysctl.conf",
}

// theShell is what system(3) runs, and where a session has the toolbox's.
const theShell, ourShell = "/bin/sh\x00", inject.ShellPath + "\x00"

// theAccounts are what getpwuid(3) and Go's os/user read; a session has inject.AccountsPath in
// their place.
const theAccounts = "/etc/passwd"

// cuts shorten paths that loaders look in after the toolbox's; no path of dlx's is as short. musl's
// (ldso/dynlink.c, sys_path) becomes empty. The GNU C library's has to have a slash (elf/dl-load.c,
// _dl_init_paths): it becomes a folder that is no library.
var cuts = []struct{ from, to string }{
	{"\x00/lib/\x00", "\x00/\x00ib/\x00"},
	{"\x00/lib:", "\x00\x00lib:"},
}

// ErrLibc reports a C library that dlx can not keep from loading what the container chose.
var ErrLibc = errors.New("its loader is neither the GNU C library's nor musl's, and could load what the container chose")

// AddELF adds a program or a library, which looks for nothing of the container's then.
func AddELF(b *toolbox.Builder, f toolbox.File, data []byte, s toolbox.Source) error {
	data, err := Redirect(data)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	b.AddFile(f, data, s)
	return nil
}

// addForeign is AddELF for what dlx has not built itself.
func addForeign(b *toolbox.Builder, f toolbox.File, data []byte, s toolbox.Source) error {
	return AddELF(b, f, forgetHomes(data), s)
}

// forgetHomes has a program read accounts without the homes that the container chose. In Go a
// string has no end: a longer one that has this in it leads nowhere.
func forgetHomes(data []byte) []byte {
	return bytes.ReplaceAll(data, []byte(theAccounts), []byte(inject.AccountsPath))
}

// Redirect changes the paths in a program or a library: it no longer looks for anything of the
// container's that it would load, run or be steered by. data is an ELF file and keeps its length.
// In a Go program strings have no end, so only the file that its resolver waits for is replaced.
func Redirect(data []byte) ([]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	data = slices.Clone(data)
	if err := forgetLoader(f, data); err != nil {
		return nil, err
	}
	if f.Section(".gopclntab") != nil || f.Section(".go.buildinfo") != nil {
		return bytes.ReplaceAll(data, []byte(nameService), []byte(inject.Nowhere+"/nsswitch.")), nil
	}
	left := uint64(len(data)) // an image's maker may have each of 65,535 segments be all of the file
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		part, err := segment(p, data)
		if err != nil {
			return nil, err
		}
		if p.Filesz > left {
			return nil, errors.New("its segments have more bytes than the file")
		}
		left -= p.Filesz
		replaceAll(part)
		empty(part)
	}
	return data, nil
}

// segment is what of the file belongs to a segment.
func segment(p *elf.Prog, data []byte) ([]byte, error) {
	if p.Off > uint64(len(data)) || p.Filesz > uint64(len(data))-p.Off {
		return nil, errors.New("a segment of it is not in the file")
	}
	return data[p.Off : p.Off+p.Filesz], nil
}

// forgetLoader empties the loader's name, of any length. The kernel takes that for the working
// directory, which is no program, and refuses to start it (EACCES). So the container's loader never
// runs it, only the toolbox's.
func forgetLoader(f *elf.File, data []byte) error {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name, err := segment(p, data)
		if err != nil {
			return err
		}
		if len(name) > maxPath {
			return errors.New("the name of its loader is longer than a path can be")
		}
		clear(name)
	}
	return nil
}

// redirectLoader is Redirect for the program that finds the libraries of others.
func redirectLoader(data []byte) ([]byte, error) {
	known := 0
	for i, libc := range []string{"\x00/etc/ld.so.preload\x00", muslFolders} {
		if bytes.Contains(data, []byte(libc)) && bytes.Contains(data, []byte(cuts[i].from)) {
			known++
		}
	}
	if known == 0 {
		return nil, ErrLibc
	}
	data, err := Redirect(data)
	for _, c := range cuts {
		data = bytes.ReplaceAll(data, []byte(c.from), []byte(c.to))
	}
	return data, err
}

// replaceAll replaces the beginnings of paths wherever they stand: a string may be the end of
// another one, or a part of an instruction.
func replaceAll(part []byte) {
	for at := range places(part, theShell) {
		if begins(part, at) {
			copy(part[at:], ourShell)
		}
	}
	for _, e := range elsewhere {
		for at := range places(part, e.from) {
			if !bytes.HasPrefix(part[at:], []byte(zones)) {
				copy(part[at:], e.to)
			}
		}
	}
}

// empty makes paths of /etc that are not machineFiles empty. Such a path ends a string: the bytes
// of an instruction that compares a path in pieces do not.
func empty(part []byte) {
	const dir = "/etc/"
	for at := range places(part, dir) {
		rest := part[at+len(dir):]
		name, _, whole := bytes.Cut(rest[:min(len(rest), maxPath)], []byte{0})
		first, _, _ := bytes.Cut(name, []byte("/"))
		if whole && begins(part, at) && len(first) > 0 && !bytes.ContainsFunc(name, notInPath) && !slices.Contains(machineFiles, string(first)) {
			part[at] = 0
		}
	}
}

// places are where a string stands.
func places(part []byte, s string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; ; at += len(s) {
			i := bytes.Index(part[at:], []byte(s))
			if i < 0 {
				return
			}
			if at += i; !yield(at) {
				return
			}
		}
	}
}

// begins says whether a path begins there: a string may be the end of a longer one.
func begins(part []byte, at int) bool {
	return at == 0 || part[at-1] == '-' || part[at-1] == ':' || notInPath(rune(part[at-1]))
}

// notInPath says whether a character stands in no path that a program is written with.
func notInPath(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+:@", r)
}
