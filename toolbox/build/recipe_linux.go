package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"dlx/internal/applet/roster"
	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// Recipe says what to make a toolbox of. The same recipe and inputs make the same bytes.
type Recipe struct {
	Name, Version     string
	Sequence          uint64
	Created, NotAfter time.Time // Created is zero unless the caller knows better: it is a part of the bytes

	Debs   []string // packages of Debian's, by name
	Host   []string // programs of this machine, by path or by name in PATH
	Dirs   []string // folders, whose files are taken as they lie
	Images []string // Docker's
	Go     []string // Go programs, MODULE/PACKAGE@VERSION
	PureGo bool     // dlx's own tools, without those of Debian
	Own    string   // the folder with what scripts/toolbox.sh has built for dlx's own toolbox
	Arch   string   // of the programs, as in GOARCH; that of this machine if it is ""

	// Progress is called when something that takes long begins: the one of so many. It may be nil.
	Progress func(done, total int, what string)
	// Note is called with what is left out, and why. It may be nil.
	Note func(what string)
}

// ErrNothing reports a recipe that names nothing.
var ErrNothing = errors.New("nothing to make a toolbox of")

// ErrEmpty reports inputs without anything that a toolbox takes.
var ErrEmpty = errors.New("there is no program or file in what the toolbox is to be made of")

// Build makes the toolbox.
func (r *Recipe) Build(ctx context.Context) (*toolbox.Bundle, error) {
	if len(r.Debs)+len(r.Host)+len(r.Dirs)+len(r.Images)+len(r.Go) == 0 && !r.PureGo && r.Own == "" {
		return nil, ErrNothing
	}
	m := &maker{Recipe: r, Builder: toolbox.Builder{
		Name: r.Name, Version: r.Version, Arch: cmp.Or(r.Arch, runtime.GOARCH), Sequence: r.Sequence, Created: time.Unix(0, 0), NotAfter: r.NotAfter,
	}, paths: map[string]bool{}}
	if !r.Created.IsZero() {
		m.Builder.Created = r.Created
	}
	work, err := os.MkdirTemp("", "dlx-toolbox-")
	if err != nil {
		return nil, err
	}
	if err := checkWork(work); err != nil {
		return nil, errors.Join(fmt.Errorf("use the folder for what is unpacked: %w", err), os.Remove(work))
	}
	m.work = work
	for _, step := range []func(context.Context) error{m.own, m.pureGo, m.dirs, m.debs, m.host, m.images, m.goPrograms} {
		if err = step(ctx); err != nil {
			break
		}
	}
	if err = errors.Join(err, os.RemoveAll(work)); err != nil {
		return nil, err
	}
	if len(m.paths) == 0 {
		return nil, ErrEmpty
	}
	b, err := m.Bundle()
	if err != nil {
		return nil, err
	}
	_, err = toolbox.Inspect(b) // what nobody would take is not made
	return b, err
}

// checkWork makes sure that nobody else can move what root unpacks and put a link in its place.
func checkWork(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return toolbox.CheckOwners(dir)
}

// maker is a toolbox in the making.
type maker struct {
	*Recipe
	toolbox.Builder
	work  string // a folder that is removed in the end
	paths map[string]bool
}

func (m *maker) progress(done, total int, format string, args ...any) {
	if m.Progress != nil {
		m.Progress(done, total, fmt.Sprintf(format, args...))
	}
}

func (m *maker) note(format string, args ...any) {
	if m.Note != nil {
		m.Note(fmt.Sprintf(format, args...))
	}
}

// claim takes a path; what comes later for it is left out.
func (m *maker) claim(p, by string) bool {
	if m.paths[p] {
		m.note("%s: %s is there already", by, p)
		return false
	}
	m.paths[p] = true
	return true
}

// own is a file of dlx's own toolbox.
type own struct {
	data   []byte
	source toolbox.Source
}

// ErrNoLauncher reports a dlx that was built without its toolbox.
var ErrNoLauncher = errors.New("this dlx was built without the program that starts dynamic ones: build it with make")

// launcherProgram is the one that starts dynamic programs: dlx-init by another name.
func launcherProgram() (own, error) {
	box, err := toolbox.VerifyDefault()
	if err != nil {
		return own{}, err
	}
	if !box.Has(layout.Init) {
		return own{}, ErrNoLauncher
	}
	return ownFile(box, layout.Init)
}

func ownFile(box *toolbox.Verified, file string) (own, error) {
	var b bytes.Buffer
	if err := box.CopyTo(&b, file); err != nil {
		return own{}, err
	}
	i := slices.IndexFunc(box.Files(), func(f *toolbox.File) bool { return f.Path == file })
	f := box.Files()[i]
	return own{b.Bytes(), toolbox.Source{Package: f.Package, Version: f.Version, Origin: f.Origin, License: f.License}}, nil
}

// pureGo adds all of dlx's own tools and no others, also those that are busybox's in its toolbox.
func (m *maker) pureGo(context.Context) error {
	if !m.PureGo {
		return nil
	}
	box, err := toolbox.VerifyDefault()
	if err != nil {
		return err
	}
	o, err := ownFile(box, layout.Tools)
	if err != nil {
		return err
	}
	m.claim(layout.Tools, "--pure-go")
	m.Add(layout.Tools, o.data, 0o755, o.source)
	for _, name := range roster.Names() {
		if m.claim("bin/"+name, "--pure-go") {
			m.Link(path.Join(layout.Bin, name), path.Base(layout.Tools))
		}
	}
	if !box.Has(layout.Roots) {
		return nil
	}
	if o, err = ownFile(box, layout.Roots); err == nil {
		m.claim(layout.Roots, "--pure-go")
		m.Add(layout.Roots, o.data, 0o644, o.source)
	}
	return err
}

// firstLine is the beginning of a program's complaint.
func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
