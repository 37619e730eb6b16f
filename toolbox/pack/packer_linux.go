package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	dir      string
	manifest toolbox.Manifest
	contents map[string][]byte
}

func newPacker(dir, version, arch string) *packer {
	return &packer{dir, toolbox.Manifest{
		Format: toolbox.FormatVersion, Name: "default", Version: version, Arch: arch, Created: time.Unix(0, 0).UTC(),
	}, map[string][]byte{}}
}

// origin says where a file comes from.
type origin struct{ name, version, origin, license string }

func (p *packer) collect() error {
	dlx := origin{"dlx", p.manifest.Version, "built from this source", "Apache-2.0"}
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
	p.add("etc/ssl/cert.pem", roots(), 0o644, origin{"golang.org/x/crypto/x509roots", "", "Mozilla's root program", "MPL-2.0"})
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
	o := origin{d.name, version, "Debian, " + d.name + " " + version + ", sha256:" + digest, "GPL-2.0-only"}
	if d.name == "bash-static" {
		o.license = "GPL-3.0-or-later"
	}
	root := filepath.Join(p.dir, d.name)
	if err := p.addFile(d.path, filepath.Join(root, d.program), 0o755, o); err != nil {
		return err
	}
	return p.addFile("share/licenses/"+d.name, filepath.Join(root, "usr/share/doc", d.name, "copyright"), 0o644, o)
}

func (p *packer) addFile(path, from string, mode uint32, o origin) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	p.add(path, data, mode, o)
	return nil
}

func (p *packer) add(path string, data []byte, mode uint32, o origin) {
	sum := sha256.Sum256(data)
	p.contents[path] = data
	p.manifest.Files = append(p.manifest.Files, toolbox.File{
		Path: path, Mode: mode, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]),
		Package: o.name, Version: o.version, Origin: o.origin, License: o.license,
	})
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
		p.manifest.Files = append(p.manifest.Files, toolbox.File{Path: "bin/" + name, Link: to})
	}
	slices.SortFunc(p.manifest.Files, func(a, b toolbox.File) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// archive writes the tar: the manifest, then the regular files in order.
func (p *packer) archive() ([]byte, error) {
	manifest, err := json.Marshal(p.manifest)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, mode uint32, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: int64(len(data)), ModTime: p.manifest.Created, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	}
	if err := put(toolbox.ManifestName, 0o644, manifest); err != nil {
		return nil, err
	}
	for _, f := range p.manifest.Files {
		if f.Link == "" {
			if err := put(f.Path, f.Mode, p.contents[f.Path]); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
