package build_test

import (
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dlx/internal/testutil"
	"dlx/toolbox/build"
)

// opener is a program that loads libraries by their names while it runs, as plug-ins are.
const opener = `
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) { while (*++argv) dlopen(*argv, RTLD_NOW); puts("ran"); return 0; }
`

// TestRedirectLoaders: a program's loader and C library find nothing of the container's in the
// folders that they look in by themselves. Unchanged ones do find it, so the test can tell.
func TestRedirectLoaders(t *testing.T) {
	testutil.RequireRoot(t)
	hostile := testutil.NewHostile(t)
	for libc, compiler := range map[string]string{"GNU C library": "gcc", "musl": "musl-gcc"} {
		t.Run(libc, func(t *testing.T) {
			dir := t.TempDir()
			source, program := filepath.Join(dir, "opener.c"), filepath.Join(dir, "opener")
			if err := os.WriteFile(source, []byte(opener), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(testutil.RequireTool(t, compiler), "-o", program, source).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			loader, libraries := needs(t, program)
			same := func(data []byte) ([]byte, error) { return data, nil }
			for name, with := range map[string]struct {
				loader, library func([]byte) ([]byte, error)
				found           bool
			}{"as they were": {same, same, true}, "redirected": {build.RedirectLoader, build.Redirect, false}} {
				root := t.TempDir()
				plant(t, root, hostile.Files)
				put(t, root, "/etc/ld-musl-x86_64.path", []byte("/evil"))
				bring(t, root, "/toolbox/opener", program, with.library)
				bring(t, root, "/toolbox/ld.so", loader, with.loader)
				for _, file := range libraries {
					bring(t, root, "/toolbox/"+filepath.Base(file), file, with.library)
				}
				cmd := exec.Command("/toolbox/ld.so", "--library-path", "/toolbox", "/toolbox/opener", "libnss_evil.so.2", "libtinfo.so.6")
				cmd.SysProcAttr, cmd.Dir, cmd.Env = &syscall.SysProcAttr{Chroot: root}, "/", []string{}
				got := testutil.Collect(t, cmd)
				if got.Code != 0 || got.Stdout != "ran\n" {
					t.Fatalf("%s: %+v", name, got)
				}
				left, err := os.ReadDir(filepath.Join(root, "canary"))
				if err != nil || (len(left) > 0) != with.found {
					t.Errorf("%s: loaded of the container's: %v, %v", name, left, err)
				}
			}
		})
	}
}

// needs are a program's loader and its other libraries, as ldd(1) says.
func needs(t *testing.T, program string) (loader string, libraries []string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			loader = strings.TrimRight(string(name), "\x00")
		}
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, dir := range []string{"/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil && strings.Contains(loader, "ld-linux") {
				libraries = append(libraries, filepath.Join(dir, name))
			}
		}
	}
	return loader, libraries
}

// plant puts a container's files below a folder.
func plant(t *testing.T, root string, files []testutil.Program) {
	t.Helper()
	for _, f := range files {
		put(t, root, f.Path, f.Data)
		if strings.HasPrefix(f.Path, "/usr/lib/lib") { // where musl's file of folders leads
			put(t, root, "/evil/"+filepath.Base(f.Path), f.Data)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "canary"), 0o777); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, root, name string, data []byte) {
	t.Helper()
	name = filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o755)); err != nil {
		t.Fatal(err)
	}
}

func bring(t *testing.T, root, name, from string, change func([]byte) ([]byte, error)) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		data, err = change(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, root, name, data)
}
