package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// notCapture is what dlx-print says of a file that is no capture.
const notCapture = "not a capture file: it is neither pcapng nor pcap"

// altered is a copy of dlx in which a text of the programs that are built into it is another.
func altered(t *testing.T, old, text string) string {
	t.Helper()
	host, err := os.ReadFile(filepath.Join(testutil.ModuleRoot(t), "toolbox/embedded/host.tar"))
	if errors.Is(err, fs.ErrNotExist) {
		testutil.SkipOrFail(t, "needs a dlx with its programs built in: make toolbox")
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(testutil.BuildDlx(t))
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(program, host)
	at := bytes.Index(host, []byte(old))
	if start < 0 || at < 0 || len(old) != len(text) {
		t.Fatalf("the programs are at %d in dlx, %q at %d in those", start, old, at)
	}
	copy(program[start+at:], text)
	file := filepath.Join(t.TempDir(), "dlx")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// reading has a dlx read a file that is no capture.
func reading(t *testing.T, dlx string, flags ...string) testutil.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, dlx, append([]string{"capture", "-r", "-"}, flags...)...)
	cmd.Stdin = strings.NewReader("no capture")
	return testutil.Collect(t, cmd)
}

// TestPrinterVerified: of a printer, or a manifest, in which a byte is another, nothing is run.
func TestPrinterVerified(t *testing.T) {
	whole := reading(t, testutil.BuildDlx(t))
	if whole.Code != 1 || whole.Stderr != "dlx: "+notCapture+"\n" {
		t.Fatalf("unchanged: %+v", whole)
	}
	const where = "dlx: start the process that prints packets: toolbox refused: "
	for name, c := range map[string]struct{ old, text, refusal string }{
		"program":  {notCapture, strings.ToUpper(notCapture), `"libexec/dlx-print" has digest `},
		"manifest": {`"license": "Apache-2.0"`, `"license": "Apache-2.1"`, `"manifest.json" has digest `},
	} {
		dlx := altered(t, c.old, c.text)
		for _, flags := range [][]string{nil, {"-w", filepath.Join(t.TempDir(), "copy.pcapng")}} {
			got := reading(t, dlx, flags...)
			if got.Code != 1 || got.Stdout != "" || !strings.HasPrefix(got.Stderr, where+c.refusal) {
				t.Errorf("%s, %v: %+v", name, flags, got)
			}
		}
	}
}

// children are the processes that a process has started.
func children(pid int) []string {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	var all []string
	for _, list := range lists {
		text, _ := os.ReadFile(list) // its thread may have ended
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}

// TestPrinterProcess looks at dlx-print while it reads. It was started from a memory file and has
// only its streams, with nobody's privileges, no group, and none of root's environment. It does not
// get what dlx's caller has left open.
func TestPrinterProcess(t *testing.T) {
	testutil.RequireRoot(t)
	cmd := exec.CommandContext(t.Context(), testutil.BuildDlx(t), "capture", "-r", "-")
	cmd.Env = append(os.Environ(), "SECRET=of root's")
	secret, err := os.Open("/etc/shadow")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	cmd.ExtraFiles = []*os.File{secret, secret}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait() // the file is empty
	}()
	var dir, status string
	testutil.Wait(t, "dlx-print to confine itself", time.Minute, func() bool {
		list := children(cmd.Process.Pid)
		if len(list) != 1 {
			return false
		}
		dir = "/proc/" + list[0]
		text, _ := os.ReadFile(dir + "/status") // it may be starting
		status = string(text)
		return strings.Contains(status, "Seccomp:\t2\n")
	})
	if program, err := os.Readlink(dir + "/exe"); err != nil || program != "/memfd:dlx-print (deleted)" {
		t.Errorf("it was started of %q: %v", program, err)
	}
	for _, line := range []string{
		"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n",
		"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n",
	} {
		if !strings.Contains(status, line) {
			t.Errorf("%q is not in its status:\n%s", line, status)
		}
	}
	// Root owns the files of a process that its own user may not trace (proc(5)), and may read its
	// program, which makes it one from its execution on.
	for name, want := range map[string]fs.FileMode{"/fd": fs.ModeDir | 0o500, "/exe": 0o111} {
		info, err := os.Stat(dir + name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if env, err := os.ReadFile(dir + "/environ"); err != nil || !strings.HasPrefix(string(env), "PATH=/nowhere\x00TZ=") || strings.Contains(string(env), "SECRET") {
		t.Errorf("its environment is %q: %v", env, err)
	}
	files, err := os.ReadDir(dir + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, err := os.Readlink(dir + "/fd/" + f.Name())
		if n, _ := strconv.Atoi(f.Name()); n > 2 && to != "/memfd:dlx-print (deleted)" && !strings.HasPrefix(to, "anon_inode:[event") {
			t.Errorf("it holds %s, %s: %v", f.Name(), to, err)
		}
	}
}
