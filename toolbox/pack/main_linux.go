// Command pack makes the bundles that are built into dlx: the toolbox of sessions, and the programs
// that dlx starts on the host. Each is one uncompressed tar, so that nothing has to be unpacked
// when a session starts. The same inputs give the same bytes.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"dlx/toolbox"
	"dlx/toolbox/build"
)

func main() {
	dir := flag.String("dir", "build/toolbox", "directory with what scripts/toolbox.sh has built")
	out := flag.String("o", "toolbox/embedded", "directory to write bundle.tar and host.tar into, with their digests")
	version := flag.String("version", "devel", "version of the toolbox")
	arch := flag.String("arch", "amd64", "architecture of the programs, as in GOARCH")
	flag.Parse()
	if err := run(*dir, *out, *version, *arch); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %v\n", err)
		os.Exit(1)
	}
}

func run(dir, out, version, arch string) error {
	recipe := build.Recipe{Name: "default", Version: version, Own: dir, Arch: arch}
	sessions, err := recipe.Build(context.Background())
	if err != nil {
		return err
	}
	host, err := build.Host(dir, version, arch)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	return errors.Join(pack(sessions, filepath.Join(out, "bundle")), pack(host, filepath.Join(out, "host")))
}

// pack writes a bundle's archive, and the digest of its manifest.
func pack(b *toolbox.Bundle, name string) error {
	var archive bytes.Buffer
	if _, err := b.WriteTo(&archive); err != nil {
		return err
	}
	return errors.Join(put(name+".tar", archive.Bytes()), put(name+".sha256", []byte(b.Digest()+"\n")))
}

// put writes a file, unless its content is right: its time, and what was built from it, stay valid.
func put(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return os.WriteFile(name, data, 0o644)
}
