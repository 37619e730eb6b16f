package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dlx/toolbox"
)

// origin is what scripts/toolbox.sh notes about a package of Debian's when it has checked its digests: in NAME.origin, a line
// for its version, one for its folder in the archive, and one for each file.
type origin struct {
	version, folder string
	files           []toolbox.SourceObject
}

func readOrigin(file string) (o origin, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return o, err
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "version":
			o.version = f[1]
		case len(f) == 2 && f[0] == "folder":
			o.folder = f[1]
		case len(f) == 3 && f[0] == "file" && len(f[1]) == 64:
			o.files = append(o.files, toolbox.SourceObject{URL: f[2], SHA256: f[1]})
		default:
			return o, fmt.Errorf("%s: %q is no line of it", file, strings.TrimSpace(line))
		}
	}
	if o.version == "" || o.folder == "" || len(o.files) == 0 {
		return o, fmt.Errorf("%s says no version, no folder or no file", file)
	}
	for i := range o.files {
		o.files[i].URL = archive(o.folder) + o.folder + "/" + o.files[i].URL
	}
	return o, nil
}

// archive is where a folder of Debian's archives is to be had, from whichever mirror it was taken.
func archive(folder string) string {
	if strings.HasPrefix(folder, "pool/updates/") {
		return "https://deb.debian.org/debian-security/"
	}
	return "https://deb.debian.org/debian/"
}

// description is what a source package's own .dsc has for a digest: it has those of all else.
func (o *origin) description() (string, error) {
	for _, f := range o.files {
		if strings.HasSuffix(f.URL, ".dsc") {
			return f.SHA256, nil
		}
	}
	return "", errors.New("no .dsc is among its files")
}

// sourcePackage is a source package whose programs were built here.
func (p *packer) sourcePackage(name string) (toolbox.Source, error) {
	o, err := readOrigin(filepath.Join(p.programs(), name+".origin"))
	if err != nil {
		return toolbox.Source{}, err
	}
	digest, err := o.description()
	if err != nil {
		return toolbox.Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return toolbox.Source{
		Package: name, Version: o.version, License: licenses[name], URL: toolbox.DebURL(name, o.version, "source"), Digest: digest, Archives: o.files,
		Origin:   "Debian, source package " + name + " " + o.version + ", sha256:" + digest + ", built by " + p.compiler + " with musl " + p.musl,
		Compiler: p.compiler,
	}, nil
}

// binaryPackage is a package that the programs were built with.
func (p *packer) binaryPackage(name string) (toolbox.Source, error) {
	o, err := readOrigin(filepath.Join(p.programs(), name+".origin"))
	if err != nil {
		return toolbox.Source{}, err
	}
	return toolbox.Source{
		Package: name, Version: o.version, License: licenses[name], URL: toolbox.DebURL(name, o.version, p.Arch), Digest: o.files[0].SHA256,
		Origin: "Debian, " + name + " " + o.version + ", sha256:" + o.files[0].SHA256,
	}, nil
}
