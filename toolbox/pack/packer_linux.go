package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"dlx/internal/applet"
	"dlx/toolbox"
	"dlx/toolbox/build"
)

// packer collects the toolbox's files.
type packer struct {
	dir      string
	compiler string // of the C programs
	musl     string // its version
	toolbox.Builder
}

func newPacker(dir, version, arch string) *packer {
	return &packer{dir: dir, Builder: toolbox.Builder{Name: "default", Version: version, Arch: arch, Created: time.Unix(0, 0)}}
}

// programs is where scripts/toolbox-build.sh puts what it has built.
func (p *packer) programs() string { return filepath.Join(p.dir, "programs") }

func (p *packer) collect() error {
	if err := p.addGo(); err != nil {
		return err
	}
	if err := p.addC(); err != nil {
		return err
	}
	p.Add("etc/ssl/cert.pem", roots(), 0o644, toolbox.Source{Package: "golang.org/x/crypto/x509roots", Origin: "Mozilla's root program", License: "MPL-2.0"})
	return p.link()
}

// addGo adds dlx's own programs, with the modules that they consist of.
func (p *packer) addGo() error {
	dlx := toolbox.Source{Package: "dlx", Version: p.Version, Origin: "built from this source", License: "Apache-2.0"}
	for path, name := range map[string]string{"bin/dlx-tools": "dlx-tools", "libexec/dlx-init": "dlx-init"} {
		file := filepath.Join(p.dir, name)
		if err := p.addFile(path, file, 0o755, dlx); err != nil {
			return err
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return err
		}
		for _, s := range build.Modules(info) {
			p.Part(s)
		}
	}
	return nil
}

// programs are the C programs, by the source packages that they are built from.
var programs = map[string]string{"bash": "bash", "busybox": "busybox", "jq": "jq", "strace": "strace"}

// linked are the source packages of libraries that are in them, packages what all are built with.
var (
	linked   = []string{"libonig", "ncurses"}
	packages = []string{"musl-dev", "linux-libc-dev"}
)

// licenses are what the packages' copyright files say of the part that is used here, in SPDX's names.
var licenses = map[string]string{
	"bash": "GPL-3.0-or-later", "busybox": "GPL-2.0-only", "jq": "MIT", "strace": "LGPL-2.1-or-later", "libonig": "BSD-2-Clause",
	"ncurses": "X11-distribute-modifications-variant", "musl-dev": "MIT", "linux-libc-dev": "GPL-2.0-only WITH Linux-syscall-note",
}

// addC adds the C programs.
func (p *packer) addC() error {
	if err := p.readCompiler(); err != nil {
		return err
	}
	for program, name := range programs {
		s, err := p.sourcePackage(name)
		if err != nil {
			return err
		}
		if err := errors.Join(p.addProgram(program, s), p.addCopyright(name, s)); err != nil {
			return err
		}
	}
	for _, name := range linked {
		s, err := p.sourcePackage(name)
		if err != nil {
			return err
		}
		if err := p.addCopyright(name, s); err != nil {
			return err
		}
	}
	for _, name := range packages {
		s, err := p.binaryPackage(name)
		if err != nil {
			return err
		}
		if err := p.addCopyright(name, s); err != nil {
			return err
		}
	}
	return nil
}

// addProgram adds a C program, which looks for nothing of the container's.
func (p *packer) addProgram(name string, s toolbox.Source) error {
	data, err := os.ReadFile(filepath.Join(p.programs(), name))
	if err != nil {
		return err
	}
	if data, err = build.Redirect(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.Add("bin/"+name, data, 0o755, s)
	return nil
}

// readCompiler notes what has built the C programs. Its libgcc is a part of them.
func (p *packer) readCompiler() error {
	line, err := os.ReadFile(filepath.Join(p.programs(), "compiler"))
	if err != nil {
		return err
	}
	p.compiler = strings.TrimSpace(string(line))
	words := strings.Fields(p.compiler)
	if len(words) == 0 {
		return errors.New("the compiler says no version")
	}
	p.Part(toolbox.Source{
		Package: "libgcc", Version: words[len(words)-1], Origin: "of the compiler, " + p.compiler, License: "GPL-3.0-or-later WITH GCC-exception-3.1",
	})
	musl, err := readOrigin(filepath.Join(p.programs(), "musl-dev.origin"))
	p.musl = musl.version
	return err
}

func (p *packer) addCopyright(name string, s toolbox.Source) error {
	return p.addFile("share/licenses/"+name, filepath.Join(p.programs(), name+".copyright"), 0o644, s)
}

func (p *packer) addFile(path, from string, mode uint32, s toolbox.Source) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	p.Add(path, data, mode, s)
	return nil
}

// roots are Mozilla's, as PEM, for programs that take them from a file.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return b.Bytes()
}

// unwanted are busybox's applets that make no sense in a session, or would do harm: they start and stop systems, log
// people in, or change accounts.
var unwanted = strings.Fields(`busybox init linuxrc halt poweroff reboot getty login su sulogin passwd adduser addgroup deluser
	delgroup loadkmap klogd syslogd logread run-init switch_root pivot_root modprobe insmod rmmod depmod
	hwclock losetup acpid watchdog ifup ifdown udhcpc udhcpc6 udhcpd`)

// link adds a link for every applet; those of dlx-tools that are better win over busybox's, and a program of its own name
// over both.
func (p *packer) link() error {
	// busybox's build lists the paths of its applets, whatever architecture it is for.
	list, err := os.ReadFile(filepath.Join(p.programs(), "busybox.links"))
	if err != nil {
		return fmt.Errorf("list busybox's applets: %w", err)
	}
	links := map[string]string{}
	for _, name := range applet.Names() {
		links[name] = applet.ProgramName
	}
	for file := range strings.FieldsSeq(string(list)) {
		name := path.Base(file)
		if !slices.Contains(unwanted, name) && !slices.Contains(applet.Better(), name) {
			links[name] = "busybox"
		}
	}
	for name, to := range links {
		if _, whole := programs[name]; !whole {
			p.Link("bin/"+name, to)
		}
	}
	return nil
}
