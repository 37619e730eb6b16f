package testutil_test

import (
	"os/exec"
	"testing"
	"time"

	"dlx/internal/testutil"
)

const limit = time.Minute

// A shell may end a read when the size changes, so this one reads in a loop of its own.
const sizes = `trap 'stty size' WINCH; stty size
while :; do read -r line && echo "got:$line"; [ "$line" = end ] && exit 3; done`

func TestTerminal(t *testing.T) {
	term := testutil.StartTerminal(t, exec.Command("sh", "-c", sizes))
	term.Expect(`24 80\r\n`, limit)
	term.Resize(40, 100)
	term.Send("hello\r")
	term.Expect(`(?s)40 100.*got:hello|got:hello.*40 100`, limit)
	term.Send("end\r")
	if code := term.Wait(limit); code != 3 {
		t.Errorf("status %d, want 3", code)
	}
}

func TestTerminalClose(t *testing.T) {
	term := testutil.StartTerminal(t, exec.Command("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 1; done"))
	term.Expect("ready", limit)
	term.Close()
	if code := term.Wait(limit); code != 128+9 {
		t.Errorf("status %d, want 137", code)
	}
}

func TestCollect(t *testing.T) {
	got := testutil.Collect(t, exec.Command("sh", "-c", "echo out; echo err >&2; kill -TERM $$"))
	if want := (testutil.Result{Code: 143, Stdout: "out\n", Stderr: "err\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
