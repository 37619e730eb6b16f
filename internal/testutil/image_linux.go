package testutil

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// Program is one entry of an image: a program, or any other file, folder or link.
type Program struct {
	// Path is where it lies in the image, absolute.
	Path string
	// Link makes it a symbolic link to that target.
	Link string
	// Dir makes it a folder.
	Dir bool
	// Data is the content of a regular file.
	Data []byte
	// Mode has the permission bits.
	Mode int64
	// UID and GID own it.
	UID, GID int
}

// Prog is the test program of that name, at /NAME in the image: one of internal/testutil/prog.
func Prog(t testing.TB, name string) Program {
	t.Helper()
	return HostFile(t, prog(t, name), "/"+name)
}

// HostFile is a program or another file of the host, at dst in the image.
func HostFile(t testing.TB, src, dst string) Program {
	t.Helper()
	data, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	return Program{Path: dst, Data: data, Mode: 0o755}
}

// Busybox is Debian's static busybox at /bin/busybox, for a container that has a shell.
func Busybox(t testing.TB) Program {
	t.Helper()
	return HostFile(t, RequireTool(t, "busybox"), "/bin/busybox")
}

// Symlink is a symbolic link at path.
func Symlink(path, target string) Program { return Program{Path: path, Link: target, Mode: 0o777} }

// Dir is a folder at path.
func Dir(path string, mode int64) Program { return Program{Path: path, Dir: true, Mode: mode} }

// Data is a regular file at path.
func Data(path, content string, mode int64) Program {
	return Program{Path: path, Data: []byte(content), Mode: mode}
}

// Image makes an image FROM scratch of the programs on the default Docker; see Docker.Image.
func Image(t testing.TB, name string, programs ...Program) string {
	t.Helper()
	return RequireDocker(t).Image(t, name, programs...)
}

// Image makes an image FROM scratch of the programs, whose first is its command, and returns its
// reference. Folders on the way are made. The image is removed when the test ends. On the default
// Docker tests of a package share those of the same programs, which Main removes.
func (d *Docker) Image(t testing.TB, name string, programs ...Program) string {
	t.Helper()
	layer := pack(t, programs)
	command := ""
	if len(programs) > 0 {
		command = programs[0].Path
	}
	if d.shared {
		return images.get(t, d, name, command, layer)
	}
	ref := d.load(t, name, command, layer)
	t.Cleanup(func() {
		if err := d.removeImage(request(t), ref); err != nil {
			t.Error(err)
		}
	})
	return ref
}

// load makes an image of a layer and a command.
func (d *Docker) load(t testing.TB, name, command string, layer []byte) string {
	t.Helper()
	ref := unique("dlx-test/" + name + ":")
	source := client.ImageImportSource{Source: bytes.NewReader(layer), SourceName: "-"}
	opts := client.ImageImportOptions{}
	if command != "" {
		opts.Changes = []string{fmt.Sprintf("CMD [%q]", command)}
	}
	res, err := d.Client.ImageImport(request(t), source, ref, opts)
	if err != nil {
		t.Fatalf("import image %s: %v", ref, err)
	}
	if err := errors.Join(importError(res), res.Close()); err != nil {
		t.Fatalf("import image %s: %v", ref, err)
	}
	return ref
}

func (d *Docker) removeImage(ctx context.Context, ref string) error {
	if _, err := d.Client.ImageRemove(ctx, ref, client.ImageRemoveOptions{Force: true}); err != nil {
		return fmt.Errorf("remove image %s: %w", ref, err)
	}
	return nil
}

// importError reads Docker's stream of messages. An error can follow a status of success.
func importError(r io.Reader) error {
	for dec := json.NewDecoder(r); ; {
		var msg struct{ Error string }
		if err := dec.Decode(&msg); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if msg.Error != "" {
			return errors.New(msg.Error)
		}
	}
}

// pack writes the programs as the layer of an image.
func pack(t testing.TB, programs []Program) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, p := range withParents(programs) {
		if err := w.WriteHeader(p.header()); err != nil {
			t.Fatalf("pack %s: %v", p.Path, err)
		}
		if _, err := w.Write(p.Data); err != nil {
			t.Fatalf("pack %s: %v", p.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("pack: %v", err)
	}
	return buf.Bytes()
}

func (p Program) header() *tar.Header {
	h := &tar.Header{Name: strings.TrimPrefix(p.Path, "/"), Mode: p.Mode, Uid: p.UID, Gid: p.GID, Size: int64(len(p.Data))}
	switch {
	case p.Dir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case p.Link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, p.Link
	default:
		h.Typeflag = tar.TypeReg
	}
	return h
}

// withParents adds the folders that nobody named, each before what lies in it.
func withParents(programs []Program) []Program {
	known := map[string]bool{"/": true}
	for _, p := range programs {
		known[p.Path] = true
	}
	var out []Program
	for _, p := range programs {
		var parents []Program
		for dir := path.Dir(p.Path); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			parents = append(parents, Dir(dir, 0o755))
		}
		slices.Reverse(parents)
		out = append(append(out, parents...), p)
	}
	return out
}
