package toolbox

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Verified is a bundle of the right shape. Its bytes are checked against the manifest whenever they are copied.
type Verified struct {
	bundle *Bundle
	byPath map[string]*File
}

// RefusedError says why a bundle is not taken.
type RefusedError struct {
	Path string // of the file it is about, or ""
	Why  string
}

func (e *RefusedError) Error() string {
	if e.Path == "" {
		return "toolbox refused: " + e.Why
	}
	return fmt.Sprintf("toolbox refused: %.120q %s", e.Path, e.Why)
}

// Hint says what to do.
func (e *RefusedError) Hint() string { return "build dlx, or the toolbox, again; do not use this one" }

// Verify checks a bundle: that every path stays inside, that what it lists is what it has, and that its programs are
// static ones for this machine. A bundle that fails is a *RefusedError.
func Verify(b *Bundle) (*Verified, error) {
	m := b.manifest
	switch {
	case m.Arch != runtime.GOARCH:
		return nil, &RefusedError{"", fmt.Sprintf("it is for %.20s, this is %s", m.Arch, runtime.GOARCH)}
	case len(m.Files) > maxFiles:
		return nil, &RefusedError{"", fmt.Sprintf("it lists more than %d files", maxFiles)}
	}
	v := &Verified{b, make(map[string]*File, len(m.Files))}
	regular := 0
	for i := range m.Files {
		f := &m.Files[i]
		if err := v.add(f); err != nil {
			return nil, err
		}
		if f.Link == "" {
			regular++
		}
	}
	for _, f := range v.byPath {
		if err := v.checkParents(f.Path); err != nil {
			return nil, err
		}
	}
	if regular != len(b.contents) {
		return nil, &RefusedError{"", "it has files that its manifest does not list"}
	}
	return v, nil
}

// add checks one file by itself.
func (v *Verified) add(f *File) error {
	switch {
	case !cleanPath(f.Path):
		return &RefusedError{f.Path, "is not a path inside the toolbox"}
	case v.byPath[f.Path] != nil:
		return &RefusedError{f.Path, "is listed twice"}
	}
	v.byPath[f.Path] = f
	if f.Link != "" {
		return checkLink(f)
	}
	content, ok := v.bundle.contents[f.Path]
	switch {
	case !ok:
		return &RefusedError{f.Path, "is listed and not there"}
	case f.Mode&^0o777 != 0 || f.Mode&0o022 != 0:
		return &RefusedError{f.Path, fmt.Sprintf("has mode %#o", f.Mode)}
	case f.Size != int64(len(content)) || f.Size > maxFileSize:
		return &RefusedError{f.Path, fmt.Sprintf("has %d bytes, its manifest says %d", len(content), f.Size)}
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 {
		return &RefusedError{f.Path, "has no SHA-256 digest"}
	}
	return checkProgram(f.Path, content)
}

func checkLink(f *File) error {
	inside := path.Join(path.Dir(f.Path), f.Link)
	if path.IsAbs(f.Link) || !cleanPath(inside) || f.Size != 0 || f.SHA256 != "" {
		return &RefusedError{f.Path, "links out of the toolbox"}
	}
	return nil
}

func (v *Verified) checkParents(p string) error {
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		if v.byPath[d] != nil {
			return &RefusedError{p, "lies below a file"}
		}
	}
	return nil
}

func cleanPath(p string) bool {
	return p != "" && p != "." && len(p) <= maxPath && path.Clean(p) == p && !path.IsAbs(p) && p != ".." &&
		!strings.HasPrefix(p, "../") && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == '\\' })
}

// machines are the ELF machines of the architectures that dlx is built for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkProgram wants a program to be static, since its loader would be the container's, and for this machine. Files
// that are no ELF files are data.
func checkProgram(name string, content []byte) error {
	if !bytes.HasPrefix(content, []byte(elf.ELFMAG)) {
		return nil
	}
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return &RefusedError{name, "is a broken program"}
	}
	if want, ok := machines[runtime.GOARCH]; ok && f.Machine != want {
		return &RefusedError{name, "is a program for " + f.Machine.String()}
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return &RefusedError{name, "is not static"}
	}
	return nil
}

// Manifest returns what is in the toolbox.
func (v *Verified) Manifest() *Manifest { return v.bundle.manifest }

// Has says whether the toolbox has a file.
func (v *Verified) Has(path string) bool { return v.byPath[path] != nil }
