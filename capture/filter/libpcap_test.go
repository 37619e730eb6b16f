package filter_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// libpcap is a process that compiles expressions with libpcap, as tcpdump -ddd -y LINK does: one
// for all of them takes a hundredth of the time of a tcpdump for each.
type libpcap struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// buildLibpcap builds its program.
func buildLibpcap(t testing.TB) string {
	t.Helper()
	cc := testutil.RequireTool(t, "cc")
	program := filepath.Join(t.TempDir(), "libpcap")
	out, err := exec.CommandContext(t.Context(), cc, "-O2", "-Wall", "-Werror", "-o", program, "testdata/libpcap.c", "-lpcap").CombinedOutput()
	if err != nil {
		t.Fatalf("build testdata/libpcap.c, which needs libpcap-dev: %v\n%s", err, out)
	}
	return program
}

// startLibpcap starts a process, which ends with the test.
func startLibpcap(t testing.TB, program string) *libpcap {
	t.Helper()
	l := &libpcap{cmd: exec.Command(program)}
	out, err := l.cmd.StdoutPipe()
	if err == nil {
		l.in, err = l.cmd.StdinPipe()
	}
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	t.Cleanup(func() {
		_ = l.in.Close()
		if err := l.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", program, err)
		}
	})
	return l
}

// compileLimit is how long libpcap may take for an expression.
const compileLimit = 30 * time.Second

// compile returns the program for an expression, nil if it is refused.
func (l *libpcap) compile(link, expr string) (machine, error) {
	late := time.AfterFunc(compileLimit, func() { _ = l.cmd.Process.Kill() })
	defer late.Stop()
	if _, err := fmt.Fprintf(l.in, "%s\t%s\n", link, expr); err != nil {
		return nil, err
	}
	return readProgram(l.out)
}

// readProgram reads a program as tcpdump -ddd prints it: the number of instructions, and then
// these, a line each. A negative number stands for none, and the program is nil.
func readProgram(r io.Reader) (machine, error) {
	var n int
	if _, err := fmt.Fscanln(r, &n); err != nil || n < 0 {
		return nil, err
	}
	m := make(machine, n)
	for i := range m {
		if _, err := fmt.Fscanln(r, &m[i].Op, &m[i].Jt, &m[i].Jf, &m[i].K); err != nil {
			return nil, fmt.Errorf("instruction %d of %d: %w", i, n, err)
		}
	}
	return m, nil
}
