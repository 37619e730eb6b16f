//go:build linux

package enginetest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dlx/engine"
	"dlx/toolbox"
)

// boxes makes toolboxes, and the engine trusts the key that it signs them with.
type boxes struct {
	t   *testing.T
	dir string // of the files
	at  Place  // where they are trusted
	key *toolbox.PrivateKey
}

func (s *suite) newBoxes(t *testing.T) *boxes {
	t.Helper()
	m := &boxes{t: t, dir: t.TempDir(), at: Place{Docker: s.docker.Host, State: t.TempDir(), Config: t.TempDir()}, key: newKey(t)}
	m.publish(m.key, "trusted.d", "team.pub")
	return m
}

func newKey(t *testing.T) *toolbox.PrivateKey {
	t.Helper()
	key, err := toolbox.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publish puts a key's public half into a folder of the configuration.
func (m *boxes) publish(key *toolbox.PrivateKey, folder, name string) {
	m.t.Helper()
	public, err := key.Public()
	if err != nil {
		m.t.Fatal(err)
	}
	text, err := public.MarshalPEM()
	dir := filepath.Join(m.at.Config, folder)
	if err = errors.Join(err, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), text, 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

// box is a toolbox of data in the making.
func (m *boxes) box(name string, files map[string]string) *toolbox.Builder {
	b := &toolbox.Builder{Name: name, Version: "1", Arch: runtime.GOARCH, Sequence: 1, Created: time.Unix(0, 0)}
	for path, content := range files {
		b.Add(path, []byte(content), 0o644, toolbox.Source{Package: name})
	}
	return b
}

func bundle(t *testing.T, b *toolbox.Builder) *toolbox.Bundle {
	t.Helper()
	made, err := b.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// sign signs with the key that is trusted, or with others.
func (m *boxes) sign(b *toolbox.Builder, keys ...*toolbox.PrivateKey) *toolbox.Bundle {
	m.t.Helper()
	if keys == nil {
		keys = []*toolbox.PrivateKey{m.key}
	}
	made := bundle(m.t, b)
	if err := made.Sign(keys...); err != nil {
		m.t.Fatal(err)
	}
	return made
}

func (m *boxes) save(name string, b *toolbox.Bundle) engine.ToolboxFile {
	m.t.Helper()
	file := filepath.Join(m.dir, name+".tar.zst")
	if err := b.WriteFile(file); err != nil {
		m.t.Fatal(err)
	}
	return engine.ToolboxFile(file)
}
