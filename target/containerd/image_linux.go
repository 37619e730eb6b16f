package containerd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// Images finds those of that name in all namespaces, or, as NAMESPACE/NAME, in one. The same image
// in several is one.
func (r *Runtime) Images(ctx context.Context, name string) (list []target.Still, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	namespaces, err := r.namespaces(ctx)
	if len(namespaces) == 0 {
		return nil, err
	}
	seen := map[string]bool{}
	var undescribed error
	for _, namespace := range namespaces {
		names := spellings(name)
		if in, rest, ok := strings.Cut(name, "/"); ok && in == namespace {
			names = append(names, spellings(rest)...)
		}
		image, ierr := r.findImage(ctx, namespace, names)
		err = errors.Join(err, ierr)
		if image == nil || seen[image.digest] {
			continue
		}
		seen[image.digest] = true
		list = append(list, target.Still{Info: target.Info{Runtime: Scheme, ID: namespace + "/" + image.digest, Name: namespace + "/" + image.name, Image: image.name}})
		if len(list) == 1 {
			undescribed = r.describe(ctx, namespace, image, &list[0])
		}
	}
	switch {
	case len(list) > 1: // which one is meant is not known: what is wrong with one does not matter
		return list, nil
	case undescribed != nil:
		return nil, errors.Join(undescribed, err)
	}
	return list, err
}

// spellings are what an image may be called that Docker's programs call by a shorter name
// (github.com/distribution/reference, ParseNormalizedNamed).
func spellings(name string) []string {
	list := []string{name}
	first, _, slash := strings.Cut(name, "/")
	switch {
	case !slash:
		list = append(list, "docker.io/library/"+name)
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		list = append(list, "docker.io/"+name)
	}
	if base := name[strings.LastIndexByte(name, '/')+1:]; !strings.ContainsAny(base, ":@") {
		for _, n := range slices.Clone(list) {
			list = append(list, n+":latest")
		}
	}
	return list
}

// named is an image's name, and the digest of what that means.
type named struct{ name, digest string }

func (r *Runtime) findImage(ctx context.Context, namespace string, names []string) (*named, error) {
	const what = "ask for an image"
	for _, name := range names {
		answer, err := r.call(ctx, what, namespace, "images.v1.Images/Get", grpcwire.AppendBytes(nil, 1, name))
		if grpcwire.Is(err, grpcwire.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		image := &named{name: name}
		image.digest, err = textAt(answer, 1, 3, 2) // image, target, digest
		if err == nil && image.digest == "" {
			err = errors.New("no digest in the answer")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return image, nil
	}
	return nil, nil
}

// textAt is the text at the end of a path of fields, "" if it is not there.
func textAt(message []byte, path ...int) (text string, err error) {
	for _, number := range path {
		var inner []byte
		err = grpcwire.Fields(message, func(f grpcwire.Field) error {
			if int(f.Number) == number {
				inner = f.Bytes()
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		message = inner
	}
	return string(message), nil
}

// maxBlob is the most bytes of an index, a manifest or a configuration (containerd reads no larger
// manifests either: images/image.go).
const maxBlob = 8 << 20

// descriptor is of an index (OCI's image specification).
type descriptor struct {
	Digest   string `json:"digest"`
	Platform *struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform"`
}

// imageConfig is of an image's configuration.
type imageConfig struct {
	Config struct {
		User            string
		Env             []string
		Entrypoint, Cmd []string
		Volumes         map[string]struct{}
		WorkingDir      string
		Labels          map[string]string
	} `json:"config"`
}

// describe fills in what the image's configuration says, and where its layers are.
func (r *Runtime) describe(ctx context.Context, namespace string, image *named, still *target.Still) error {
	var manifest struct {
		Manifests []descriptor `json:"manifests"`
		Config    descriptor   `json:"config"`
	}
	if err := r.blob(ctx, namespace, image.digest, &manifest); err != nil {
		return err
	}
	if len(manifest.Manifests) > 0 {
		i := slices.IndexFunc(manifest.Manifests, func(d descriptor) bool {
			return d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == runtime.GOARCH
		})
		if i < 0 {
			return target.NoStill(still.Name, "image %q is not for this machine", still.Name)
		}
		if err := r.blob(ctx, namespace, manifest.Manifests[i].Digest, &manifest); err != nil {
			return err
		}
	}
	var config imageConfig
	if err := r.blob(ctx, namespace, manifest.Config.Digest, &config); err != nil {
		return err
	}
	c := config.Config
	still.Env, still.WorkingDir, still.User, still.Labels = c.Env, c.WorkingDir, c.User, c.Labels
	still.Entrypoint, still.Command, still.Volumes = c.Entrypoint, c.Cmd, slices.Sorted(maps.Keys(c.Volumes))
	snapshotter, top, err := r.unpacked(ctx, namespace, manifest.Config.Digest)
	if err != nil {
		return err
	}
	if top == "" {
		return target.NoStill(still.Name, "image %q is not unpacked", still.Name)
	}
	still.Dirs, err = r.layersOf(ctx, namespace, snapshotter, top)
	if err == nil && len(still.Dirs) == 0 {
		err = target.NoStill(still.Name, "containerd names no layers of %q: its snapshotter is no overlay's", still.Name)
	}
	return err
}

// blob reads a document by its digest, which it must have.
func (r *Runtime) blob(ctx context.Context, namespace, digest string, into any) (err error) {
	const what = "read a part of an image"
	stream, err := r.client.Stream(ctx, request(namespace, "content.v1.Content/Read", grpcwire.AppendBytes(nil, 1, digest)))
	if err != nil {
		return r.client.Explain(err, what)
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	var data []byte
	for {
		message, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.client.Explain(err, what)
		}
		err = grpcwire.Fields(message, func(f grpcwire.Field) error {
			if f.Number == 2 {
				data = append(data, f.Bytes()...)
			}
			return nil
		})
		if err == nil && len(data) > maxBlob {
			err = fmt.Errorf("it has more bytes than %d", maxBlob)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	sum := sha256.Sum256(data)
	if digest != "sha256:"+hex.EncodeToString(sum[:]) {
		return fmt.Errorf("%s: it has not the digest %.80q", what, digest)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// unpackedLabel is in front of a snapshotter's name, in the labels of the configuration of an image
// that is unpacked there; the value is its topmost snapshot (containerd, image.go, Unpack).
const unpackedLabel = "containerd.io/gc.ref.snapshot."

// unpacked finds the topmost snapshot of an image.
func (r *Runtime) unpacked(ctx context.Context, namespace, config string) (snapshotter, top string, err error) {
	const what = "ask where an image is unpacked"
	answer, err := r.call(ctx, what, namespace, "content.v1.Content/Info", grpcwire.AppendBytes(nil, 1, config))
	if err != nil {
		return "", "", err
	}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		return grpcwire.Fields(f.Bytes(), func(f grpcwire.Field) error {
			if f.Number != 5 {
				return nil
			}
			key, value, err := f.Pair()
			if name, ok := strings.CutPrefix(key, unpackedLabel); ok && (snapshotter == "" || name == "overlayfs") {
				snapshotter, top = name, value
			}
			return err
		})
	})
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", what, err)
	}
	return snapshotter, top, nil
}
