package build

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"dlx/toolbox"
)

// host takes programs of this machine, with their libraries.
func (m *maker) host(ctx context.Context) (err error) {
	if len(m.Host) == 0 {
		return nil
	}
	t, err := openTree("/")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	owners := &installed{ctx: ctx, m: m}
	g := m.group("host", t, owners.source)
	for i, name := range m.Host {
		m.progress(i, len(m.Host), "take %s", name)
		file, err := exec.LookPath(name)
		if err == nil {
			file, err = filepath.Abs(file)
		}
		if err != nil {
			return fmt.Errorf("take a program of this machine: %w", err)
		}
		if err := g.add(file); err != nil {
			return err
		}
	}
	return g.close()
}

// installed asks dpkg(1) which package a file of this machine is of.
type installed struct {
	ctx   context.Context
	m     *maker
	known map[string]toolbox.Source // by package
	files map[string]string         // packages by the files of those that are known
}

func (i *installed) source(file string) toolbox.Source {
	name := i.owner(file)
	if name == "" {
		return toolbox.Source{Package: filepath.Base(file), Origin: "this machine, " + file}
	}
	if s, ok := i.known[name]; ok {
		return s
	}
	version, err := exec.CommandContext(i.ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return toolbox.Source{Package: name, Origin: "this machine, " + file}
	}
	pkg, _, _ := strings.Cut(name, ":")
	s := toolbox.Source{Package: pkg, Version: string(version), Origin: "this machine, Debian", URL: toolbox.DebURL(pkg, string(version), "")}
	s.License = i.m.license(s, "/usr/share/doc/"+pkg+"/copyright", nil)
	if i.known == nil {
		i.known = map[string]toolbox.Source{}
	}
	i.known[name] = s
	i.learn(name)
	return s
}

// owner is a file's package. It may know the file by either name if /lib is a link to /usr/lib.
func (i *installed) owner(file string) string {
	names := []string{file}
	if short, ok := strings.CutPrefix(file, "/usr"); ok {
		names = append(names, short)
	}
	for _, n := range names {
		if pkg := i.files[n]; pkg != "" {
			return pkg
		}
	}
	for _, n := range names {
		out, err := exec.CommandContext(i.ctx, "dpkg-query", "-S", n).Output()
		if pkg, _, ok := strings.Cut(firstLine(out), ": "); err == nil && ok && !strings.Contains(pkg, ",") {
			return pkg
		}
	}
	return ""
}

// learn notes all files of a package, so that not each has to be asked for.
func (i *installed) learn(pkg string) {
	out, err := exec.CommandContext(i.ctx, "dpkg-query", "-L", pkg).Output()
	if err != nil {
		return // each will be asked for
	}
	if i.files == nil {
		i.files = map[string]string{}
	}
	for file := range strings.Lines(string(out)) {
		i.files[strings.TrimSpace(file)] = pkg
	}
}
