package main

import (
	"bytes"
	"encoding/pem"
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
)

// packer collects the toolbox's files.
type packer struct {
	dir string
	toolbox.Builder
}

func newPacker(dir, version, arch string) *packer {
	return &packer{dir, toolbox.Builder{Name: "default", Version: version, Arch: arch, Created: time.Unix(0, 0)}}
}

func (p *packer) collect() error {
	dlx := toolbox.Source{Package: "dlx", Version: p.Version, Origin: "built from this source", License: "Apache-2.0"}
	for path, name := range map[string]string{"bin/dlx-tools": "dlx-tools", "libexec/dlx-init": "dlx-init"} {
		if err := p.addFile(path, filepath.Join(p.dir, name), 0o755, dlx); err != nil {
			return err
		}
	}
	for _, d := range debs {
		if err := p.addDeb(d); err != nil {
			return err
		}
	}
	p.Add("etc/ssl/cert.pem", roots(), 0o644, toolbox.Source{Package: "golang.org/x/crypto/x509roots", Origin: "Mozilla's root program", License: "MPL-2.0"})
	return p.link()
}

// deb is a package of Debian's, unpacked below dir/NAME by scripts/toolbox.sh.
type deb struct{ name, program, path string }

var debs = []deb{
	{"busybox-static", "bin/busybox", "bin/busybox"},
	{"bash-static", "bin/bash-static", "bin/bash"},
}

// addDeb adds a package's program and its copyright file. The file NAME.origin has its version and the digest that apt's
// signed index gives for it.
func (p *packer) addDeb(d deb) error {
	data, err := os.ReadFile(filepath.Join(p.dir, d.name+".origin"))
	if err != nil {
		return err
	}
	version, digest, ok := strings.Cut(strings.TrimSpace(string(data)), " ")
	if !ok {
		return fmt.Errorf("%s.origin: not VERSION SHA256", d.name)
	}
	o := toolbox.Source{
		Package: d.name, Version: version, Origin: "Debian, " + d.name + " " + version + ", sha256:" + digest, License: "GPL-2.0-only",
		URL: "pkg:deb/debian/" + d.name + "@" + version + "?arch=" + p.Arch,
	}
	if d.name == "bash-static" {
		o.License = "GPL-3.0-or-later"
	}
	root := filepath.Join(p.dir, d.name)
	if err := p.addFile(d.path, filepath.Join(root, d.program), 0o755, o); err != nil {
		return err
	}
	return p.addFile("share/licenses/"+d.name, filepath.Join(root, "usr/share/doc", d.name, "copyright"), 0o644, o)
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
