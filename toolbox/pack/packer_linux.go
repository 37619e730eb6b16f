package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	dir string
	toolbox.Builder
}

func newPacker(dir, version, arch string) *packer {
	return &packer{dir, toolbox.Builder{Name: "default", Version: version, Arch: arch, Created: time.Unix(0, 0)}}
}

// initPath is where dlx-init is in the toolbox.
const initPath = "libexec/dlx-init"

func (p *packer) collect() error {
	dlx := toolbox.Source{Package: "dlx", Version: p.Version, Origin: "built from this source", License: "Apache-2.0"}
	for path, name := range map[string]string{"bin/dlx-tools": "dlx-tools", initPath: "dlx-init"} {
		if err := p.addProgram(path, filepath.Join(p.dir, name), dlx); err != nil {
			return err
		}
	}
	for path, d := range static {
		if err := p.addStatic(path, d.program, d.deb); err != nil {
			return err
		}
	}
	if err := p.addDynamic(); err != nil {
		return err
	}
	p.Add("etc/ssl/cert.pem", roots(), 0o644, toolbox.Source{Package: "golang.org/x/crypto/x509roots", Origin: "Mozilla's root program", License: "MPL-2.0"})
	return p.link()
}

// deb is a package of Debian's, unpacked below dir/NAME by scripts/toolbox.sh.
type deb struct{ name, license string }

// static are the packages with a program that needs nothing, by where it goes.
var static = map[string]struct {
	deb
	program string
}{
	"bin/busybox": {deb{"busybox-static", "GPL-2.0-only"}, "bin/busybox"},
	"bin/bash":    {deb{"bash-static", "GPL-3.0-or-later"}, "bin/bash-static"},
}

// dynamic are the packages of strace and jq and of what they need, unpacked below dir/root as well:
// dlx-init starts them with their own loader. What was taken from which is found out when they are
// packed.
var dynamic = []deb{
	{"strace", "LGPL-2.1-or-later"}, {"jq", "MIT"}, {"libc6", "LGPL-2.1-or-later"}, {"libjq1", "MIT"}, {"libonig5", "BSD-2-Clause"},
	{"libunwind8", "MIT"}, {"liblzma5", "0BSD"},
}

var dynamicPrograms = []string{"/usr/bin/strace", "/usr/bin/jq"}

// source tells where a package comes from. The file NAME.origin has its version and the digest that apt's signed index
// gives for it.
func (p *packer) source(d deb) (toolbox.Source, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, d.name+".origin"))
	if err != nil {
		return toolbox.Source{}, err
	}
	version, digest, ok := strings.Cut(strings.TrimSpace(string(data)), " ")
	if !ok {
		return toolbox.Source{}, fmt.Errorf("%s.origin: not VERSION SHA256", d.name)
	}
	return toolbox.Source{
		Package: d.name, Version: version, Origin: "Debian, " + d.name + " " + version + ", sha256:" + digest, License: d.license,
		URL: "pkg:deb/debian/" + d.name + "@" + version + "?arch=" + p.Arch,
	}, nil
}

// addStatic adds a package's program.
func (p *packer) addStatic(path, program string, d deb) error {
	o, err := p.source(d)
	if err != nil {
		return err
	}
	return errors.Join(p.addProgram(path, filepath.Join(p.dir, d.name, program), o), p.addCopyright(d, o))
}

// addDynamic adds strace and jq with their loader and libraries.
func (p *packer) addDynamic() error {
	owners := map[string]toolbox.Source{}
	for _, d := range dynamic {
		o, err := p.source(d)
		if err != nil {
			return err
		}
		if err := p.addCopyright(d, o); err != nil {
			return err
		}
		owners[d.name] = o
	}
	var unknown error
	err := build.Dynamic(&p.Builder, filepath.Join(p.dir, "root"), initPath, dynamicPrograms, func(file string) toolbox.Source {
		for name, o := range owners {
			if _, err := os.Lstat(filepath.Join(p.dir, name, file)); err == nil {
				return o
			}
		}
		unknown = fmt.Errorf("%s is in none of the packages", file)
		return toolbox.Source{}
	})
	return errors.Join(err, unknown)
}

func (p *packer) addCopyright(d deb, o toolbox.Source) error {
	return p.addFile("share/licenses/"+d.name, filepath.Join(p.dir, d.name, "usr/share/doc", d.name, "copyright"), 0o644, o)
}

func (p *packer) addProgram(path, from string, o toolbox.Source) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return build.AddELF(&p.Builder, toolbox.File{Path: path, Mode: 0o755}, data, o)
}

func (p *packer) addFile(path, from string, mode uint32, o toolbox.Source) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	p.Add(path, data, mode, o)
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

// link adds a link for every applet; those of dlx-tools that are better win over busybox's.
func (p *packer) link() error {
	// The list is asked of the program that runs here, not of the one that was fetched for another architecture.
	cmd := exec.Command(filepath.Join(p.dir, "host-busybox"), "--list")
	cmd.Args[0] = "busybox" // it is what it is called
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list busybox's applets: %w", err)
	}
	links := map[string]string{}
	for _, name := range applet.Names() {
		links[name] = applet.ProgramName
	}
	for name := range strings.FieldsSeq(string(out)) {
		if !slices.Contains(unwanted, name) && !slices.Contains(applet.Better(), name) {
			links[name] = "busybox"
		}
	}
	for name, to := range links {
		p.Link("bin/"+name, to)
	}
	return nil
}
