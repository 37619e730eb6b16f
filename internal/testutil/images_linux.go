package testutil

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"

	"github.com/moby/moby/client"
)

// images are those of the default Docker that this process has made, by what is in them.
var images = imageCache{refs: map[imageKey]string{}}

type imageCache struct {
	mu   sync.Mutex
	refs map[imageKey]string
}

type imageKey struct {
	host, name, command string
	layer               [sha256.Size]byte
}

// get is the image of a layer and a command, which is made the first time.
func (c *imageCache) get(t testing.TB, d *Docker, name, command string, layer []byte) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	key := imageKey{d.Host, name, command, sha256.Sum256(layer)}
	ref := c.refs[key]
	if ref == "" {
		ref = d.load(t, name, command, layer)
		c.refs[key] = ref
	}
	return ref
}

// remove removes them all.
func (c *imageCache) remove() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for key, ref := range c.refs {
		errs = append(errs, removeImageOf(key.host, ref))
		delete(c.refs, key)
	}
	return errors.Join(errs...)
}

func removeImageOf(host, ref string) error {
	d, err := connect(client.WithHost(host))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	return errors.Join(d.removeImage(ctx, ref), d.Client.Close())
}
