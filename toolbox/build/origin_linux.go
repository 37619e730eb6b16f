package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dlx/toolbox"
)

// origin is what scripts/toolbox.sh notes about a package of Debian's when its digests are right.
// NAME.origin has a line for the version, one for the folder in the archive, and one for each file.
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
func (o *ownMaker) sourcePackage(name string) (toolbox.Source, error) {
	of, err := readOrigin(filepath.Join(o.programs(), name+".origin"))
	if err != nil {
		return toolbox.Source{}, err
	}
	digest, err := of.description()
	if err != nil {
		return toolbox.Source{}, fmt.Errorf("%s: %w", name, err)
	}
	return toolbox.Source{
		Package: name, Version: of.version, License: ownLicenses[name], URL: toolbox.DebURL(name, of.version, "source"), Digest: digest, Archives: of.files,
		Origin:   "Debian, source package " + name + " " + of.version + ", sha256:" + digest + ", built by " + o.compiler + " with musl " + o.musl,
		Compiler: o.compiler,
	}, nil
}

// binaryPackage is a package that the programs were built with.
func (o *ownMaker) binaryPackage(name string) (toolbox.Source, error) {
	of, err := readOrigin(filepath.Join(o.programs(), name+".origin"))
	if err != nil {
		return toolbox.Source{}, err
	}
	return toolbox.Source{
		Package: name, Version: of.version, License: ownLicenses[name], URL: toolbox.DebURL(name, of.version, o.Builder.Arch), Digest: of.files[0].SHA256,
		Origin: "Debian, " + name + " " + of.version + ", sha256:" + of.files[0].SHA256,
	}, nil
}
