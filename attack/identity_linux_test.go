package attack_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"dlx/internal/testutil"
)

// TestIdentity: containers restart in a loop, while sessions and captures of them begin, and the
// kernel gives the IDs of processes that ended to the next ones. Each container proves who it is by
// a file, and by its traffic: another's must never be seen.
func TestIdentity(t *testing.T) {
	a := start(t, "containers that restart in a loop, whose processes' IDs are used again", "debug, capture")
	const boxes, workers = 3, 3
	// Of each container come processes without end, which live for a second.
	const script = `i=0; while [ $((i+=1)) -le 40 ]; do (while :; do busybox usleep 1000000; done) & done; exec /chatter 100 "$0"`
	var list []*testutil.Container
	for i := range boxes {
		image := testutil.Image(t, "chatter", testutil.Prog(t, "chatter"), testutil.Busybox(t), testutil.Data("/who", fmt.Sprintln("box", i), 0o644))
		list = append(list, a.engine.Run(t, testutil.RunOptions{
			Image: image, Cmd: []string{"/bin/busybox", "sh", "-c", script, fmt.Sprint("box-", i)}, Env: []string{"PATH=/bin"},
			Change: func(_ *container.Config, h *container.HostConfig) { h.NanoCPUs = 2e8 },
		}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	var restarts, reused testCounter
	for i, c := range list {
		pids := make(chan int, 1)
		pids <- c.PID
		group.Go(func() { reused.add(a.reusePID(ctx, list, i, pids)) })
		group.Go(func() {
			none := 0
			for ctx.Err() == nil {
				if _, err := a.engine.Client.ContainerRestart(ctx, c.ID, client.ContainerRestartOptions{Timeout: &none}); err == nil {
					restarts.add(1)
				}
				if info, err := a.engine.Client.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{}); err == nil && info.Container.State.Pid != 0 {
					pids <- info.Container.State.Pid
				}
				select { // it has to be there for a while, too
				case <-ctx.Done():
				case <-time.After(rand.N(time.Second)):
				}
			}
		})
	}
	a.begin()
	// What a busy engine says is some time old when dlx reads it.
	_, slow := newProxy(t, math.MaxInt, false, 150*time.Millisecond)
	env := []string{"DOCKER_HOST=" + slow}
	starts, need := 6, 1
	if long {
		starts, need = longStarts, longStarts/10
	}
	var debugs, captures, worked testCounter
	var crew sync.WaitGroup
	for w := range workers {
		crew.Go(func() {
			for i := w; !a.Failed() && time.Since(a.began) < 3*longLimit && (debugs.get()+captures.get() < 2*starts || !long && worked.get() < need); i++ {
				box := i % boxes
				if i/boxes%2 == 0 {
					debugs.add(1)
					worked.add(a.proveSession(env, list[box].ID, box))
				} else {
					captures.add(1)
					worked.add(a.proveCapture(env, list[box].ID, box, boxes))
				}
			}
		})
	}
	crew.Wait()
	cancel()
	group.Wait()
	a.tries, a.sessions = reused.get(), debugs.get()+captures.get()
	if worked.get() < need || long && reused.get() == 0 {
		t.Error("of the sessions and captures too few worked, or no process's ID was used again: nothing was tried")
	}
	t.Logf("%d restarts, %d of them with an ID that another container's process had; %d of %d starts worked", restarts.get(), reused.get(), worked.get(), a.sessions)
}

// reusePID has the kernel give the ID of a container's first process, when that has ended, to
// whatever process comes next (/proc/sys/kernel/ns_last_pid, proc(5)). It returns how often that was
// another container's.
func (a *attack) reusePID(ctx context.Context, list []*testutil.Container, i int, pids <-chan int) (reused int) {
	pid, counted := 0, true
	for ctx.Err() == nil {
		select {
		case pid = <-pids:
			counted = false
		case <-ctx.Done():
		case <-time.After(200 * time.Microsecond):
		}
		groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err == nil && bytes.Contains(groups, []byte(list[i].ID)) {
			continue // it lives
		}
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			a.Errorf("make the kernel use an ID again: %v", err)
			return reused
		}
		for other, c := range list {
			if other != i && !counted && bytes.Contains(groups, []byte(c.ID)) {
				counted = true
				reused++
			}
		}
	}
	return reused
}

// proveSession asks a container who it is, and returns 1 if it told.
func (a *attack) proveSession(env []string, id string, box int) int {
	r, _ := a.interrupt(endLimit, env, "debug", id, "--", "cat", "/who")
	if r.Stdout == "" {
		return 0
	}
	if want := fmt.Sprintln("box", box); r.Stdout != want {
		a.Errorf("debug of box %d is one of %q: %s", box, r.Stdout, r.Stderr)
	}
	return 1
}

// proveCapture looks for what the other containers send, and returns 1 if there were packets.
func (a *attack) proveCapture(env []string, id string, box, boxes int) int {
	r, _ := a.interrupt(endLimit, env, "capture", id, "-c", "5", "--duration", "1s")
	for other := range boxes {
		if name := fmt.Sprint("box-", other); strings.Contains(r.Stdout, name) && other != box {
			a.Errorf("capture of box %d has packets of %s: %s", box, name, r.Stdout)
		}
	}
	return min(len(r.Stdout), 1)
}

type testCounter struct {
	mu sync.Mutex
	n  int
}

func (c *testCounter) add(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}

func (c *testCounter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// TestPause: a container is frozen in the midst of sessions, by its owner. They end when their time
// is over.
func TestPause(t *testing.T) {
	t.Parallel() // most of it is waiting
	a := start(t, "the container frozen and let go on, in the midst of what dlx does", "debug, inject, eject")
	box := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause"))})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	e := testutil.RequireEngine(t)
	var pauses testCounter
	group.Go(func() {
		for ctx.Err() == nil {
			if _, err := e.Client.ContainerPause(ctx, box.ID, client.ContainerPauseOptions{}); err == nil {
				pauses.add(1)
			}
			_, _ = e.Client.ContainerUnpause(context.WithoutCancel(ctx), box.ID, client.ContainerUnpauseOptions{})
		}
	})
	a.begin()
	for a.more() && a.sessions < 10*longSessions {
		a.run("debug", box.ID, "--timeout", "300ms", "--profile", "baseline", "--", "sleep", "5")
		a.run("inject", box.ID)
		if r := a.run("eject", box.ID); r.Code != 0 {
			t.Errorf("eject: %+v", r)
		}
		a.tries = pauses.get()
	}
	a.clean()
	if diff := box.Diff(); len(diff) > 0 {
		t.Errorf("the container has %q", diff)
	}
}

// TestNames: none of dlx's outputs has what a terminal would obey, whatever a container calls
// things.
func TestNames(t *testing.T) {
	a := start(t, "escape sequences, line breaks and what is no UTF-8 in names of processes, interfaces, hosts, files, variables and labels",
		"every output of ps, debug, capture, inject, completion")
	const evil = "\x1b]0;owned\a\x1b[2J\r\n\x9b31m\xff\u202e\u009b2J"
	ethernet := "\x1b[2J\x9b1m" // an interface's name has 15 bytes, and no space, slash or colon
	box := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "chatter", testutil.Prog(t, "chatter"), testutil.Busybox(t),
			testutil.Data("/bin/sh", "", 0o755), testutil.Data("/etc/passwd", "root:x:0:0::/"+strings.ReplaceAll(evil, "\n", "")+":/"+evil+"\n", 0o644)),
		Cmd:        []string{"/chatter", "200", "\x1b[2J\r\n\x9b31m"},
		Labels:     map[string]string{"dlx" + evil: evil, "x": "y"},
		Env:        []string{"A" + evil + "=" + evil, "PS1=" + evil, "PATH=/bin:" + evil},
		WorkingDir: "/" + strings.ReplaceAll(evil, "\xff", "") + "/x",
		CapAdd:     []string{"NET_ADMIN", "SYS_ADMIN"}, SecurityOpt: unconfined,
	})
	for _, cmd := range [][]string{
		{"ip", "link", "set", "eth0", "down"}, {"ip", "link", "set", "eth0", "name", ethernet}, {"ip", "link", "set", ethernet, "up"},
		{"hostname", strings.ReplaceAll(evil, "\n", "")},
	} {
		if code, out := box.Exec(append([]string{"/bin/busybox"}, cmd...)...); code != 0 {
			t.Errorf("%q: %d %s", cmd, code, out)
		}
	}
	a.begin()
	file := t.TempDir() + "/x"
	for _, args := range [][]string{
		{"ps"}, {"ps", "-o", "json"}, {"debug", box.ID, "-v", "--", "true"}, {"debug", box.ID, "--", "/nothing" + evil}, {"debug", box.ID, "-u", evil, "--", "true"},
		{"debug", box.ID, "-w", "/" + evil, "--", "true"}, {"debug", box.ID, "--fs", "target", "--", "sh"}, {"debug", "x" + evil}, {"capture", box.ID, "-D"},
		{"capture", box.ID, "-c", "20"}, {"capture", box.ID, "-c", "20", "-v", "-X"}, {"capture", box.ID, "-c", "20", "-A"}, {"capture", box.ID, "-c", "20", "-o", "json"},
		{"capture", box.ID, "-i", evil}, {"capture", box.ID, "-i", ethernet, "-c", "1", "--duration", "1s"},
		{"capture", box.ID, "-c", "20", "-w", file}, {"capture", "-r", file}, {"capture", "-r", file, "-o", "json"}, {"capture", "--label", "x=y", "-c", "5"},
		{"capture", box.ID, "--", "host " + evil}, {"inject", box.ID}, {"eject", box.ID}, {"eject", "x" + evil},
		{"__complete", "debug", ""}, {"__complete", "capture", ""}, {"__complete", "capture", box.ID, "-i", ""}, {"extcap", "--extcap-interfaces"}, {"doctor"},
	} {
		a.tries++
		a.sessions++
		r, _ := a.interrupt(10*time.Second, nil, args...)
		for stream, text := range map[string]string{"output": r.Stdout, "error": r.Stderr} {
			if bad := obeyed(text); bad != "" {
				t.Errorf("%q has %s in its %s: %q", args, bad, stream, text)
			}
		}
	}
}

// obeyed is what a terminal would obey in a text: control bytes, of 8 bits too, and characters that
// change the direction.
func obeyed(text string) string {
	for i := range len(text) {
		if b := text[i]; b < ' ' && b != '\n' && b != '\t' || b == 0x7f {
			return fmt.Sprintf("the byte %#x at %d", b, i)
		}
	}
	for _, bad := range []string{"\u202e", "\u009b"} {
		if i := strings.Index(text, bad); i >= 0 {
			return fmt.Sprintf("%q at %d", bad, i)
		}
	}
	if clean := bytes.ToValidUTF8([]byte(text), nil); len(clean) != len(text) {
		return "bytes that are no UTF-8"
	}
	return ""
}
