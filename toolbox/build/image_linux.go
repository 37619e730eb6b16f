package build

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/moby/moby/client"

	"dlx/toolbox"
)

// images takes the programs of images, with their libraries.
func (m *maker) images(ctx context.Context) (err error) {
	if len(m.Images) == 0 {
		return nil
	}
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return fmt.Errorf("take images: %w", err)
	}
	defer func() { err = errors.Join(err, docker.Close()) }()
	for i, ref := range m.Images {
		m.progress(i, len(m.Images), "take the image %s", ref)
		if err := m.image(ctx, docker, ref, i); err != nil {
			return fmt.Errorf("take the image %s: %w", ref, err)
		}
	}
	return nil
}

func (m *maker) image(ctx context.Context, docker *client.Client, ref string, number int) (err error) {
	info, err := docker.ImageInspect(ctx, ref)
	if err != nil {
		return err
	}
	dir := filepath.Join(m.work, fmt.Sprintf("image%d", number))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := dir + ".tar"
	if err := save(ctx, docker, ref, file); err != nil {
		return err
	}
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.applyImage(file); err != nil {
		return err
	}
	source := toolbox.Source{Package: ref, Version: info.ID, Origin: "Docker image, " + info.ID, License: "NOASSERTION"}
	g := m.group(fmt.Sprintf("image%d", number), t, func(string) toolbox.Source { return source })
	for _, bin := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		names, err := t.list(bin)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := g.addFirst(path.Join(bin, name)); err != nil {
				return err
			}
		}
	}
	if c := info.Config; c != nil { // one from scratch has what it runs anywhere
		for _, command := range [][]string{c.Entrypoint, c.Cmd} {
			if len(command) == 0 || !path.IsAbs(command[0]) {
				continue
			}
			if err := g.addFirst(path.Clean(command[0])); err != nil {
				return err
			}
		}
	}
	return g.close()
}

// addFirst is addProgram for what has no program of its name yet, if there is such a file.
func (g *group) addFirst(file string) error {
	if !g.tree.exists(file) || g.m.paths["bin/"+path.Base(file)] {
		return nil
	}
	return g.addProgram(file)
}

// save writes an image to a file, as `docker save` does.
func save(ctx context.Context, docker *client.Client, ref, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	r, err := docker.ImageSave(ctx, []string{ref})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // was only read
	n, err := io.Copy(out, io.LimitReader(r, maxImage+1))
	if err == nil && n > maxImage {
		err = fmt.Errorf("more than %d MiB", maxImage>>20)
	}
	return err
}

// maxImage is the most bytes of an image, packed and unpacked.
const maxImage = 8 << 30

// applyImage unpacks the layers of a saved image, the lowest first.
func (t *tree) applyImage(file string) error {
	var list []struct{ Layers []string }
	manifest, err := entryOf(file, "manifest.json")
	if err != nil {
		return err
	}
	err = json.NewDecoder(io.LimitReader(manifest, 1<<20)).Decode(&list)
	if err = errors.Join(err, manifest.Close()); err != nil {
		return fmt.Errorf("read its manifest: %w", err)
	}
	if len(list) != 1 {
		return fmt.Errorf("it is %d images", len(list))
	}
	u := &unpacking{tree: t, left: maxImage}
	for _, name := range list[0].Layers {
		layer, err := entryOf(file, name)
		if err != nil {
			return err
		}
		if err := errors.Join(u.layer(layer), layer.Close()); err != nil {
			return fmt.Errorf("unpack its layer %s: %w", name, err)
		}
	}
	return nil
}

// entry is one of a tar's, with the file that it is read from.
type entry struct {
	io.Reader
	io.Closer
}

// entryOf finds an entry of a tar by its name.
func entryOf(file, name string) (io.ReadCloser, error) { return follow(file, name, 1) }

// follow is entryOf through so many links. An older Docker links layers that several images have.
func follow(file, name string, links int) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("it has no %s", name)
			}
			return nil, errors.Join(err, f.Close())
		}
		if path.Clean(h.Name) != path.Clean(name) {
			continue
		}
		if h.Typeflag == tar.TypeSymlink && links > 0 {
			other, err := follow(file, path.Join(path.Dir(name), h.Linkname), links-1)
			return other, errors.Join(err, f.Close())
		}
		return entry{tr, f}, nil
	}
}
