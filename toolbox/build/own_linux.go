package build

import (
	"bytes"
	"context"
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

	"dlx/internal/applet/roster"
	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// ownMaker makes dlx's own toolbox.
type ownMaker struct {
	*maker
	compiler string // of the C programs
	musl     string // its version
}

// own takes in what scripts/toolbox.sh has built: dlx's own tools, and the C programs.
func (m *maker) own(context.Context) error {
	if m.Own == "" {
		return nil
	}
	o := &ownMaker{maker: m}
	if err := errors.Join(o.addGo(), o.addC()); err != nil {
		return err
	}
	o.put(layout.Roots, roots(), 0o644, toolbox.Source{Package: "golang.org/x/crypto/x509roots", Origin: "Mozilla's root program", License: "MPL-2.0"})
	return o.link()
}

// programs is where scripts/toolbox-build.sh puts what it has built.
func (o *ownMaker) programs() string { return filepath.Join(o.Own, "programs") }

// addGo adds dlx's own programs of a session, with the modules that they consist of.
func (o *ownMaker) addGo() error {
	for path, name := range map[string]string{layout.Tools: "dlx-tools", layout.Init: "dlx-init"} {
		o.claim(path, "dlx")
		if err := addOwn(&o.Builder, path, filepath.Join(o.Own, name)); err != nil {
			return err
		}
	}
	return nil
}

// addOwn adds a Go program of dlx's, and the modules that it consists of.
func addOwn(b *toolbox.Builder, path, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	dlx := toolbox.Source{Package: "dlx", Version: b.Version, Origin: "built from this source", License: "Apache-2.0"}
	if err := AddELF(b, toolbox.File{Path: path, Mode: 0o755}, data, dlx); err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for _, s := range Modules(info) {
		b.Part(s)
	}
	return nil
}

// Host makes the bundle of programs that dlx starts beside itself.
// dir has what scripts/toolbox.sh has built.
func Host(dir, version, arch string) (*toolbox.Bundle, error) {
	b := toolbox.Builder{Name: toolbox.HostName, Version: version, Arch: arch, Created: time.Unix(0, 0)}
	if err := addOwn(&b, toolbox.PrinterPath, filepath.Join(dir, path.Base(toolbox.PrinterPath))); err != nil {
		return nil, err
	}
	bundle, err := b.Bundle()
	if err != nil {
		return nil, err
	}
	_, err = toolbox.Inspect(bundle)
	return bundle, err
}

// ownSources are the source packages that are built: those of a program of their name, and
// libraries.
var ownSources = []string{"bash", "busybox", "jq", "strace", "libonig", "ncurses"}

// ownPrograms is how many of ownSources are programs.
const ownPrograms = 4

// ownPackages are what all of them are built with.
var ownPackages = []string{"musl-dev", "linux-libc-dev"}

// ownLicenses are what the packages' copyright files say of the part that is used here, in SPDX's
// names.
var ownLicenses = map[string]string{
	"bash": "GPL-3.0-or-later", "busybox": "GPL-2.0-only", "jq": "MIT", "strace": "LGPL-2.1-or-later", "libonig": "BSD-2-Clause",
	"ncurses": "X11-distribute-modifications-variant", "musl-dev": "MIT", "linux-libc-dev": "GPL-2.0-only WITH Linux-syscall-note",
}

// addC adds the C programs.
func (o *ownMaker) addC() error {
	if err := o.readCompiler(); err != nil {
		return err
	}
	for i, name := range ownSources {
		s, err := o.sourcePackage(name)
		if err == nil && i < ownPrograms {
			err = o.addELF("bin/"+name, filepath.Join(o.programs(), name), s)
		}
		if err := errors.Join(err, o.addCopyright(name, s)); err != nil {
			return err
		}
	}
	for _, name := range ownPackages {
		s, err := o.binaryPackage(name)
		if err := errors.Join(err, o.addCopyright(name, s)); err != nil {
			return err
		}
	}
	return nil
}

// readCompiler notes what has built the C programs. Its libgcc is a part of them.
func (o *ownMaker) readCompiler() error {
	line, err := os.ReadFile(filepath.Join(o.programs(), "compiler"))
	if err != nil {
		return err
	}
	o.compiler = strings.TrimSpace(string(line))
	words := strings.Fields(o.compiler)
	if len(words) == 0 {
		return errors.New("the compiler says no version")
	}
	o.Part(toolbox.Source{
		Package: "libgcc", Version: words[len(words)-1], Origin: "of the compiler, " + o.compiler, License: "GPL-3.0-or-later WITH GCC-exception-3.1",
	})
	musl, err := readOrigin(filepath.Join(o.programs(), "musl-dev.origin"))
	o.musl = musl.version
	return err
}

func (o *ownMaker) addCopyright(name string, s toolbox.Source) error {
	return o.addFile("share/licenses/"+name, filepath.Join(o.programs(), name+".copyright"), 0o644, s)
}

// addELF adds a program, which looks for nothing of the container's.
func (o *ownMaker) addELF(path, from string, s toolbox.Source) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	o.claim(path, s.Package)
	return AddELF(&o.Builder, toolbox.File{Path: path, Mode: 0o755}, data, s)
}

func (o *ownMaker) put(path string, data []byte, mode uint32, s toolbox.Source) {
	o.claim(path, s.Package)
	o.Add(path, data, mode, s)
}

func (o *ownMaker) addFile(path, from string, mode uint32, s toolbox.Source) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	o.put(path, data, mode, s)
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

// unwanted are busybox's applets that make no sense in a session or would do harm. They start and
// stop systems, log people in, or change accounts.
var unwanted = strings.Fields(`busybox init linuxrc halt poweroff reboot getty login su sulogin passwd adduser addgroup deluser
	delgroup loadkmap klogd syslogd logread run-init switch_root pivot_root modprobe insmod rmmod depmod
	hwclock losetup acpid watchdog ifup ifdown udhcpc udhcpc6 udhcpd`)

// link adds a link for every applet. Those of dlx-tools that are better win over busybox's. A
// program of its own name wins over both.
func (o *ownMaker) link() error {
	// busybox's build lists the paths of its applets, whatever architecture it is for.
	list, err := os.ReadFile(filepath.Join(o.programs(), "busybox.links"))
	if err != nil {
		return fmt.Errorf("list busybox's applets: %w", err)
	}
	links := map[string]string{}
	for _, name := range roster.Names() {
		links[name] = path.Base(layout.Tools)
	}
	for file := range strings.FieldsSeq(string(list)) {
		name := path.Base(file)
		if !slices.Contains(unwanted, name) && !slices.Contains(roster.Better(), name) {
			links[name] = "busybox"
		}
	}
	for name, to := range links {
		if !slices.Contains(ownSources[:ownPrograms], name) {
			o.Link("bin/"+name, to)
		}
	}
	return nil
}
