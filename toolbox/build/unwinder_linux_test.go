package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"dlx/internal/testutil"
)

// threads is a program that ends a thread. It does so in a way that takes the unwinding library.
const threads = `
#include <pthread.h>
#include <stdio.h>
static void *run(void *arg) { pthread_exit(arg); }
int main(void)
{
	pthread_t t;
	if (pthread_create(&t, NULL, run, NULL) || pthread_join(t, NULL))
		return 1;
	puts("joined");
	return 0;
}
`

// TestUnwinder: the library that the GNU C library loads by itself comes along.
func TestUnwinder(t *testing.T) {
	testutil.RequireRoot(t)
	dir := t.TempDir()
	source, program, box := filepath.Join(dir, "threads.c"), filepath.Join(dir, "threads"), filepath.Join(dir, "box")
	if err := os.WriteFile(source, []byte(threads), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{testutil.RequireTool(t, "gcc"), "-pthread", "-o", program, source},
		{testutil.BuildDlx(t), "toolbox", "build", "--name", "t", "--from-host", program, "-o", box},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	const lib = "/libexec/t.host/lib"
	cmd := exec.Command(lib+"/ld.so", "--library-path", lib, "/libexec/t.host/bin/threads")
	cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Chroot: box}, "/"
	if r := testutil.Collect(t, cmd); r.Code != 0 || r.Stdout != "joined\n" {
		t.Errorf("%+v", r)
	}
}
