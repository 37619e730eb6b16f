package attack_test

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"dlx/internal/testutil"
)

// TestTyping: a session types into whatever terminal it reaches. What the user's shell reads
// afterwards is what the user types.
func TestTyping(t *testing.T) {
	t.Parallel()
	a := start(t, "TIOCSTI and TIOCLINUX on every terminal in reach", "debug -t of every profile, with every file system")
	c := testutil.Run(t, testutil.RunOptions{
		Image:  testutil.Image(t, "typist", testutil.Prog(t, "typist"), testutil.Busybox(t)),
		Cmd:    []string{"/bin/busybox", "sleep", "1000"},
		CapAdd: []string{"SYS_ADMIN", "SYS_TTY_CONFIG"}, SecurityOpt: unconfined,
	})
	a.begin()
	rounds := 100
	if long {
		rounds = longTries / 100
	}
	for i, profile := range profiles {
		for _, fs := range []string{"toolbox", "target"} {
			debug := fmt.Sprintf("%s debug %s -t --profile %s --fs %s -- /typist 'touched' %d", a.dlx, c.ID, profile, fs, rounds)
			cmd := exec.Command("/bin/sh", "-c", debug+"; echo ready; read -r line; echo \"line is <$line>\"")
			cmd.Env = a.command(nil).Env
			term := testutil.StartTerminal(t, cmd)
			a.sessions++
			term.Expect("ready", endLimit)
			term.Send("typed\r")
			if got := term.Expect("line is <[^>]*>", endLimit); got != "line is <typed>" {
				t.Errorf("profile %s, --fs %s: %s", profile, fs, got)
			}
			before := a.tries
			a.tries = 0
			a.count(term.Output())
			a.tries += before
			term.Close()
		}
		if i > 0 && !long && time.Since(a.began) > 2*shortLimit {
			break
		}
	}
}

// TestPrompt: a session's prompt does not pass on what its container is called.
func TestPrompt(t *testing.T) {
	t.Parallel()
	a := start(t, "a host name of escape sequences", "the prompt of an interactive session")
	c := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "host", testutil.Busybox(t)), Cmd: []string{"/bin/busybox", "sleep", "1000"}, Env: []string{"PS1=\x1b]0;owned\a", "PROMPT_COMMAND=printf '\\033]0;owned\\007'"},
		CapAdd: []string{"SYS_ADMIN"}, SecurityOpt: unconfined,
	})
	if code, out := c.Exec("/bin/busybox", "hostname", "\x1b]0;owned\a$(echo run)`echo run`"); code != 0 {
		t.Fatalf("hostname: %s", out)
	}
	a.begin()
	for _, shell := range [][]string{nil, {"sh"}, {"bash"}} {
		a.tries++
		a.sessions++
		args := append([]string{"debug", c.ID, "-t"}, shellOf(shell)...)
		term := testutil.StartTerminal(t, a.command(nil, args...))
		term.Send("echo be''gun\r")
		term.Expect("begun\r\n", endLimit)
		term.Send("exit\r")
		term.Wait(endLimit)
		if out := term.Output(); containsAny(out, "\x1b]0;owned", "\nrun") {
			t.Errorf("%q shows %q", args, out)
		}
	}
}

func shellOf(shell []string) []string {
	if shell == nil {
		return nil
	}
	return append([]string{"--"}, shell...)
}
