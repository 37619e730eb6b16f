package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dlx/toolbox"
)

// pkg is a package of Debian's, fetched and checked.
type pkg struct {
	name, version, digest string
	dir                   string   // that it was unpacked to by itself
	depends               []string // names of packages, the first of each choice
	source                toolbox.Source
}

// debs takes the programs of packages, and the libraries that they need from packages that these
// depend on. apt(8) has compared what it fetches with its signed index. Here the digest is compared
// with the index's once more.
func (m *maker) debs(ctx context.Context) (err error) {
	if len(m.Debs) == 0 {
		return nil
	}
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("take packages of Debian's: %w", err)
		}
	}
	names, err := m.dependencies(ctx, m.Debs)
	if err != nil {
		return err
	}
	list, err := m.lookUp(ctx, names)
	if err != nil {
		return err
	}
	m.progress(0, len(list)+1, "fetch %d packages", len(list))
	if err := m.fetch(ctx, list); err != nil {
		return err
	}
	root, err := os.OpenRoot(m.work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	const all = "debs"
	for i, p := range list {
		m.progress(i+1, len(list)+1, "unpack %s", p.name)
		if err := m.unpack(ctx, root, p, all); err != nil {
			return err
		}
	}
	t, err := openTree(filepath.Join(m.work, all))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	g := m.group("deb", t, func(file string) toolbox.Source { return owner(list, file) })
	for _, p := range list {
		if !slices.Contains(m.Debs, p.name) {
			continue
		}
		if err := m.programsOf(g, p, list); err != nil {
			return err
		}
	}
	if err := g.addAlternatives(); err != nil {
		return err
	}
	if err := g.close(); err != nil {
		return err
	}
	m.debLicenses(list)
	return nil
}

// aptError is what an apt program said when it failed.
func aptError(what string, out []byte, err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%s: %w: %s", what, err, firstLine(exit.Stderr))
	}
	return fmt.Errorf("%s: %w: %s", what, err, firstLine(out))
}

// apt is a run of a program of apt's. An image's configuration may forgo its cache, without which
// each of them reads all indexes: a build has its own.
func (m *maker) apt(ctx context.Context, program string, args ...string) *exec.Cmd {
	cache := []string{
		"-o", "Dir::Cache::pkgcache=" + filepath.Join(m.work, "pkgcache.bin"),
		"-o", "Dir::Cache::srcpkgcache=" + filepath.Join(m.work, "srcpkgcache.bin"),
	}
	return exec.CommandContext(ctx, program, append(cache, args...)...)
}

// dependencies are packages with all that they depend on, in order.
func (m *maker) dependencies(ctx context.Context, names []string) ([]string, error) {
	args := []string{
		"depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", "--",
	}
	out, err := m.apt(ctx, "apt-cache", append(args, names...)...).Output()
	if err != nil {
		return nil, aptError("look for "+strings.Join(names, ", "), out, err)
	}
	var list []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		// Packages begin a line; what they depend on is indented, and virtual ones are in brackets.
		if line := lines.Text(); line != "" && line[0] != ' ' && line[0] != '|' && line[0] != '<' {
			name, _, _ := strings.Cut(line, ":")
			list = append(list, name)
		}
	}
	if slices.Contains(list, terminfoUser) {
		list = append(list, terminfoPackage)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Debian has the descriptions of terminals in a package that every system has, and so none depends
// on.
const terminfoUser, terminfoPackage = "libtinfo6", "ncurses-base"

// lookUp finds in apt's index which versions there are, and their digests.
func (m *maker) lookUp(ctx context.Context, names []string) ([]*pkg, error) {
	show, err := m.apt(ctx, "apt-cache", append([]string{"show", "--no-all-versions", "--"}, names...)...).Output()
	if err != nil {
		return nil, aptError("look for "+strings.Join(names, ", "), show, err)
	}
	var list []*pkg
	for stanza := range strings.SplitSeq(string(show), "\n\n") {
		p := &pkg{name: field(stanza, "Package"), version: field(stanza, "Version"), digest: field(stanza, "SHA256"), depends: firstChoices(field(stanza, "Depends"))}
		if p.name == "" || slices.ContainsFunc(list, func(q *pkg) bool { return q.name == p.name }) {
			continue
		}
		if p.version == "" || p.digest == "" {
			return nil, fmt.Errorf("look for %s: apt knows no version or no digest of it", p.name)
		}
		p.dir = filepath.Join(m.work, "deb", p.name)
		origin := "Debian, " + p.name + " " + p.version + ", sha256:" + p.digest
		if used := field(stanza, "Built-Using"); used != "" {
			origin += ", built using " + used
		}
		p.source = toolbox.Source{Package: p.name, Version: p.version, Origin: origin, Digest: p.digest, URL: toolbox.DebURL(p.name, p.version, field(stanza, "Architecture"))}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *pkg) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// downloads is where apt puts packages.
func (m *maker) downloads() string { return filepath.Join(m.work, "download") }

// fetch has apt fetch packages.
func (m *maker) fetch(ctx context.Context, list []*pkg) error {
	args := []string{"-qq", "-o", "APT::Sandbox::User=root", "download"}
	for _, p := range list {
		args = append(args, p.name+"="+p.version)
	}
	if err := os.MkdirAll(m.downloads(), 0o755); err != nil {
		return err
	}
	cmd := m.apt(ctx, "apt-get", args...)
	cmd.Dir = m.downloads()
	if out, err := cmd.CombinedOutput(); err != nil {
		return aptError("fetch packages", out, err)
	}
	return nil
}

// unpack checks a package and unpacks it, by itself and over the others, below the work folder.
func (m *maker) unpack(ctx context.Context, root *os.Root, p *pkg, all string) error {
	// apt writes a colon of the version as %3a.
	files, err := filepath.Glob(filepath.Join(m.downloads(), p.name+"_*.deb"))
	if err != nil || len(files) != 1 {
		return errors.Join(err, fmt.Errorf("fetch %s: apt fetched %d files", p.name, len(files)))
	}
	if err := p.check(files[0]); err != nil {
		return err
	}
	if err := os.MkdirAll(p.files(), 0o755); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", files[0], p.files()).CombinedOutput(); err != nil {
		return aptError("unpack "+p.name, out, err)
	}
	from, err := filepath.Rel(m.work, p.files())
	if err != nil {
		return err
	}
	return linkOver(root, from, all)
}

// linkOver gives the files of a tree second names in another tree below root, in place of those
// that have them. What is a folder in one of the trees is one: a link in its place is nobody's way
// out.
func linkOver(root *os.Root, from, to string) error {
	return fs.WalkDir(root.FS(), from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		second := filepath.Join(to, below)
		there, err := root.Lstat(second)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case there.IsDir():
			return nil
		default:
			if err := root.Remove(second); err != nil {
				return err
			}
		}
		if e.IsDir() {
			return root.MkdirAll(second, 0o755)
		}
		return root.Link(name, second)
	})
}

func (p *pkg) files() string { return filepath.Join(p.dir, "files") }

// check compares a package's file with the index's digest.
func (p *pkg) check(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != p.digest {
		return fmt.Errorf("%s %s has digest %s, apt's index says %s", p.name, p.version, got, p.digest)
	}
	return nil
}

// field is a field of what apt-cache shows (deb822(5)).
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// owner is the package that a file of the tree is of.
func owner(list []*pkg, file string) toolbox.Source {
	for _, p := range list {
		if _, err := os.Lstat(filepath.Join(p.files(), file)); err == nil {
			return p.source
		}
	}
	return toolbox.Source{Package: path.Base(file), Origin: "Debian"}
}

// debLicenses keeps the copyright files of the packages that something was taken from.
func (m *maker) debLicenses(list []*pkg) {
	for _, p := range list {
		if !m.Uses(p.source) {
			continue
		}
		const docs = "usr/share/doc"
		license := m.license(p.source, path.Join("/", docs, p.name, "copyright"), func(file string) ([]byte, error) {
			if to, err := os.Readlink(filepath.Join(p.files(), docs, p.name)); err == nil { // the documents are those of another package
				for _, q := range list {
					if q.name == path.Base(to) {
						return q.read(path.Join("/", docs, q.name, "copyright"))
					}
				}
			}
			return p.read(file)
		})
		m.SetLicense(p.source, license)
	}
}

// read reads a file of a package, whose links do not lead out of it.
func (p *pkg) read(file string) (data []byte, err error) {
	t, err := openTree(p.files())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	data, _, err = t.read(file)
	return data, err
}
