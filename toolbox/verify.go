package toolbox

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Verified is a toolbox of the right shape that somebody vouches for. Its bytes are checked against
// the manifest whenever they are copied.
type Verified struct {
	parts  []Part
	files  []*entry // in order of their paths
	byPath map[string]*entry
}

// Part is one of the toolboxes that a Verified was put together of.
type Part struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the manifest
	Key     string `json:"key"`    // who vouches for it: the name of a key, or that it is built in

	// AsTheyLie is how many programs were taken from a folder: nobody has looked at what of the
	// container's they load.
	AsTheyLie int `json:"as_they_lie,omitempty"`

	sequence uint64
	record   string // what Seen knows it by
}

// String says what it is, and who vouches for it.
func (p Part) String() string {
	unseen := ""
	if p.AsTheyLie > 0 {
		unseen = fmt.Sprintf(", with %d of a folder as they lie, which may load what is the container's", p.AsTheyLie)
	}
	return fmt.Sprintf("%s %s, sha256:%.12s, %s%s", p.Name, p.Version, p.Digest, p.Vouched(), unseen)
}

// Vouched says who vouches for it.
func (p Part) Vouched() string {
	if p.Key == BuiltIn {
		return p.Key
	}
	return "signed by " + p.Key
}

// entry is a file with its bytes.
type entry struct {
	*File
	content []byte
	from    *origin // nil: memory
}

// Policy says which toolboxes are taken.
type Policy struct {
	Trust *Trust
	Now   time.Time
	Seen  *Seen // nil: every sequence is taken
}

// Verify checks a bundle: its signer and its expiry, that every path stays inside, that it has what
// it lists. Its programs have to be for this machine and to need nothing of the container's. A
// bundle that fails is a fault.ToolboxRefused.
func (p *Policy) Verify(b *Bundle) (*Verified, error) {
	key, err := p.signer(b)
	if err != nil {
		return nil, err
	}
	m := b.manifest
	if !m.NotAfter.IsZero() && p.Now.After(m.NotAfter) {
		return nil, refuse(ErrExpired, "", "%s expired on %s", m.Title(), m.NotAfter.UTC().Format(time.DateTime))
	}
	if p.Seen != nil {
		if err := p.Seen.check(m); err != nil {
			return nil, err
		}
	}
	return inspect(b, key, runtime.GOARCH)
}

// signer is who signed the bundle.
func (p *Policy) signer(b *Bundle) (string, error) {
	if b.envelope == nil && b.cosign == nil {
		return "", refuse(ErrUnsigned, "", "%s is not signed", b.manifest.Title())
	}
	signers, err := b.signers(append(p.Trust.active(), p.Trust.revoked...))
	if err != nil {
		return "", err
	}
	revoked := ""
	for _, k := range signers {
		if !p.Trust.isRevoked(k) {
			return p.Trust.name(k), nil
		}
		revoked = k.ID()
	}
	if revoked != "" {
		return "", refuse(ErrRevokedKey, "", "%s is signed by a key that was revoked, %s", b.manifest.Title(), revoked)
	}
	return "", refuse(ErrUnknownKey, "", "%s is not signed by a key that is trusted", b.manifest.Title())
}

// signers are the keys that signed the bundle's manifest.
func (b *Bundle) signers(keys []*PublicKey) (list []*PublicKey, err error) {
	if b.envelope != nil {
		e, payload, err := ParseEnvelope(b.envelope)
		if err != nil {
			return nil, refuse(ErrOtherPayload, EnvelopeName, "can not be read: %v", err)
		}
		if !bytes.Equal(payload, b.raw) {
			return nil, refuse(ErrOtherPayload, EnvelopeName, "signs another manifest")
		}
		list = e.signers(payload, keys)
	}
	if b.cosign != nil {
		sig, err := cosignSignature(b.cosign, b.raw)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if k.verify(b.raw, sig) {
				list = append(list, k)
			}
		}
	}
	return list, nil
}

// BuiltIn is who vouches for the toolbox that comes with dlx.
const BuiltIn = "built in"

// VerifyDigest takes a bundle whose manifest has the digest want. The caller knows it by other
// means, such as having it compiled in.
func VerifyDigest(b *Bundle, want, by string) (*Verified, error) {
	if got := b.Digest(); got != want {
		return nil, refuse(ErrChanged, ManifestName, "has digest %s, not %s", got, want)
	}
	return inspect(b, by, runtime.GOARCH)
}

// Inspect checks all but who made the bundle, for any architecture: before it is signed, for one.
func Inspect(b *Bundle) (*Verified, error) { return inspect(b, "", b.manifest.Arch) }

// inspect checks all but who made the bundle, for an architecture.
func inspect(b *Bundle, key, arch string) (*Verified, error) {
	m := b.manifest
	if m.Arch != arch {
		return nil, refuse(ErrArch, "", "%s is for %.20s, this is %s", m.Title(), m.Arch, arch)
	}
	if err := b.load(""); err != nil {
		return nil, err
	}
	if err := b.checkSBOM(); err != nil {
		return nil, err
	}
	v := &Verified{
		parts:  []Part{{m.Name, m.Version, b.Digest(), key, m.asTheyLie(), m.Sequence, seenKey(m)}},
		files:  make([]*entry, 0, len(m.Files)),
		byPath: make(map[string]*entry, len(m.Files)),
	}
	regular := 0
	for i := range m.Files {
		f := &m.Files[i]
		if err := v.add(b, f); err != nil {
			return nil, err
		}
		if f.Link == "" {
			regular++
		}
	}
	for _, f := range v.byPath {
		if err := v.checkPlace(f); err != nil {
			return nil, err
		}
	}
	if regular != len(b.contents) {
		for name := range b.contents {
			if v.byPath[name] == nil {
				return nil, refuse(ErrExtra, name, "is not in the manifest")
			}
		}
	}
	return v, nil
}

// asTheyLie counts the programs whose origin is a folder.
func (m *Manifest) asTheyLie() (n int) {
	for i := range m.Files {
		if f := &m.Files[i]; f.Origin == OriginFolder && f.Mode&0o111 != 0 {
			n++
		}
	}
	return n
}

// checkSBOM compares the bill of materials with its digest.
func (b *Bundle) checkSBOM() error {
	switch want := b.manifest.SBOM; {
	case want == "" && b.sbom == nil:
		return nil
	case b.sbom == nil:
		return refuse(ErrSBOM, SBOMName, "is missing")
	case want != digest(b.sbom):
		return refuse(ErrSBOM, SBOMName, "is not the one that the manifest is about")
	}
	return nil
}

// add checks one file by itself.
func (v *Verified) add(b *Bundle, f *File) error {
	switch {
	case !cleanPath(f.Path):
		return refuse(ErrPath, f.Path, "is not a path in a folder of the toolbox")
	case v.byPath[f.Path] != nil:
		return refuse(ErrPath, f.Path, "is listed twice")
	}
	content, ok := b.contents[f.Path]
	v.put(&entry{f, content, b.from})
	if f.Link != "" {
		return checkLink(f)
	}
	switch {
	case !ok:
		return refuse(ErrMissing, f.Path, "is listed and not there")
	case f.Mode&^0o777 != 0 || f.Mode&0o022 != 0:
		return refuse(ErrMode, f.Path, "has mode %#o", f.Mode)
	case f.Size != int64(len(content)) || f.Size > maxFileSize:
		return refuse(ErrSize, f.Path, "has %d bytes, the manifest says %d", len(content), f.Size)
	}
	if !isDigest(f.SHA256) {
		return refuse(ErrChanged, f.Path, "has no SHA-256 digest")
	}
	if f.BLAKE3 != "" && !isDigest(f.BLAKE3) {
		return refuse(ErrChanged, f.Path, "has a BLAKE3 digest that is none")
	}
	return checkProgram(f, content, b.manifest.Arch)
}

func (v *Verified) put(e *entry) {
	v.byPath[e.Path] = e
	v.files = append(v.files, e)
}

func checkLink(f *File) error {
	inside := path.Join(path.Dir(f.Path), f.Link)
	if path.IsAbs(f.Link) || !cleanPath(inside) || f.Size != 0 || f.SHA256 != "" || f.BLAKE3 != "" {
		return refuse(ErrPath, f.Path, "links out of the toolbox")
	}
	return nil
}

// checkPlace wants no file above another, and loaders that are there.
func (v *Verified) checkPlace(f *entry) error {
	if v.below(f.Path) {
		return refuse(ErrPath, f.Path, "lies below a file")
	}
	if f.Loader == "" {
		return nil
	}
	if l := v.byPath[f.Loader]; l == nil || l.Link != "" || l.Mode&0o111 == 0 {
		return refuse(ErrDynamic, f.Path, "needs %.120q, which the toolbox has not", f.Loader)
	}
	return nil
}

func cleanPath(p string) bool {
	return len(p) <= maxPath && strings.Contains(p, "/") && path.Clean(p) == p && !path.IsAbs(p) && !strings.HasPrefix(p, "../") &&
		!strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
}

// machines are the ELF machines of the architectures that dlx is built for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkProgram wants a program for the architecture. It has to be static, unless the toolbox's own
// loader starts it: the loader would be the container's. What is no ELF file is data.
func checkProgram(f *File, content []byte, arch string) error {
	if !bytes.HasPrefix(content, []byte(elf.ELFMAG)) {
		return nil
	}
	p, err := readProgram(content)
	if err != nil {
		return refuse(ErrProgram, f.Path, "is a broken program: %v", err)
	}
	if want, ok := machines[arch]; ok && p.machine != want {
		return refuse(ErrArch, f.Path, "is a program for %s", p.machine)
	}
	if f.Loader == "" && p.loader {
		return refuse(ErrDynamic, f.Path, "is not static, and no loader is named for it")
	}
	return nil
}

// Combine is several toolboxes as one. If two have the same path, the file is the first one's. What
// would lie below an earlier one's file, or in the place of its folder, is left out.
func Combine(list ...*Verified) *Verified {
	all := &Verified{byPath: map[string]*entry{}}
	folders := map[string]bool{}
	for _, v := range list {
		all.parts = append(all.parts, v.parts...)
		for _, e := range v.files {
			if all.byPath[e.Path] == nil && !folders[e.Path] && !all.below(e.Path) {
				all.put(e)
			}
		}
		for _, e := range all.files {
			for d := path.Dir(e.Path); d != "." && !folders[d]; d = path.Dir(d) {
				folders[d] = true
			}
		}
	}
	slices.SortFunc(all.files, func(a, b *entry) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// below says whether a path lies below a file.
func (v *Verified) below(p string) bool {
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		if v.byPath[d] != nil {
			return true
		}
	}
	return false
}

// Parts are the toolboxes that it was put together of.
func (v *Verified) Parts() []Part { return v.parts }

// Files are the files and links, in order of their paths.
func (v *Verified) Files() []*File {
	list := make([]*File, len(v.files))
	for i, e := range v.files {
		list[i] = e.File
	}
	return list
}

// Has says whether the toolbox has a file.
func (v *Verified) Has(path string) bool { return v.byPath[path] != nil }

// maxLinks is how many links are followed to a program, as in path_resolution(7).
const maxLinks = 40

// Runs says whether a path is a program's, or a link to one.
func (v *Verified) Runs(p string) bool {
	for range maxLinks {
		e := v.byPath[p]
		if e == nil || e.Link == "" {
			return e != nil && e.Mode&0o111 != 0
		}
		p = path.Join(path.Dir(p), e.Link)
	}
	return false
}
