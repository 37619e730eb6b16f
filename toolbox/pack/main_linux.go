// Command pack makes the toolbox that is built into dlx: one uncompressed tar, so that nothing has to be unpacked when a
// session starts. The same inputs give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "build/toolbox", "directory with dlx-tools, dlx-init and the unpacked packages")
	out := flag.String("o", "toolbox/embedded/bundle.tar", "file to write")
	version := flag.String("version", "devel", "version of the toolbox")
	arch := flag.String("arch", "amd64", "architecture of the programs, as in GOARCH")
	flag.Parse()
	if err := run(*dir, *out, *version, *arch); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %v\n", err)
		os.Exit(1)
	}
}

func run(dir, out, version, arch string) error {
	p := newPacker(dir, version, arch)
	if err := p.collect(); err != nil {
		return err
	}
	data, err := p.archive()
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(out); err == nil && string(old) == string(data) {
		return nil // keeps its time, and so what was built from it
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}
