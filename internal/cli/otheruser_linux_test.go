package cli_test

import (
	"os/exec"
	"strings"
	"testing"

	"dlx/internal/testutil"
)

// TestOtherUser: the verbs that keep no right to send signals look into containers of other users
// than root all the same. The defence is Process.Alive's.
func TestOtherUser(t *testing.T) {
	testutil.RequireRoot(t)
	bin := testutil.BuildDlx(t)
	c := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "user", testutil.Prog(t, "pause"), testutil.Busybox(t), testutil.Symlink("/bin/sh", "busybox")), User: "1000"})
	env := append(exec.Command(bin).Environ(), "DLX_STATE_DIR="+t.TempDir())
	for _, step := range []struct{ verb, want string }{{"inject", "toolbox placed in "}, {"eject", "toolbox taken out of "}} {
		cmd := exec.Command(bin, step.verb, c.Name)
		cmd.Env = env
		if res := testutil.Collect(t, cmd); res.Code != 0 || !strings.Contains(res.Stdout, step.want+c.Name) {
			t.Errorf("%s: status %d:\n%s%s", step.verb, res.Code, res.Stdout, res.Stderr)
		}
	}
	res := testutil.Collect(t, exec.Command(bin, "ps"))
	for line := range strings.Lines(res.Stdout) {
		if strings.HasPrefix(line, c.Name) && !strings.Contains(line, "/bin/sh") {
			t.Errorf("ps has not seen its shell: %s", line)
		}
	}
}
