package attack_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"dlx/internal/testutil"
)

// TestReusedIDs: a container ends and is started again between what the runtime says of its process
// and when dlx takes hold of it; meanwhile the kernel gives the process's ID to one of another
// container. Each container proves who it is by a file, and by its traffic: another's must never be
// seen.
func TestReusedIDs(t *testing.T) {
	a := start(t, "containers that end and start, whose processes' IDs another container's get at once", "debug, capture")
	starts, crews := int64(3), 1
	if long {
		starts, crews = 2*longStarts, 2
	}
	var began, reused atomic.Int64
	var group sync.WaitGroup
	var pairs []*pair
	for range crews {
		pairs = append(pairs, a.newPair())
	}
	a.begin()
	for _, pair := range pairs {
		group.Go(func() {
			for began.Load() < starts && !a.Failed() && time.Since(a.began) < 6*longLimit {
				i := began.Add(1)
				if pair.swap(i%2 == 0, i/2%2 == 0) {
					reused.Add(1)
				}
			}
		})
	}
	group.Wait()
	a.tries, a.sessions = int(reused.Load()), int(began.Load())
	if reused.Load() < began.Load()/2 {
		t.Errorf("of %d IDs only %d became another container's: too little was tried", began.Load(), reused.Load())
	}
}

// pair is a container that is to be debugged, and another one, of which come processes without end.
type pair struct {
	*attack
	victim, other *testutil.Container
}

func (a *attack) newPair() *pair {
	a.Helper()
	const script = `i=0; while [ $((i+=1)) -le 30 ]; do (while :; do busybox sleep 1; done) & done; exec /chatter 100 box-other`
	image := func(who string) string {
		return a.docker.Image(a, "chatter", testutil.Prog(a, "chatter"), testutil.Busybox(a), testutil.Data("/who", who, 0o644))
	}
	return &pair{
		a,
		a.docker.Run(a, testutil.RunOptions{Image: image("box-victim"), Cmd: []string{"/chatter", "100", "box-victim"}}),
		a.docker.Run(a, testutil.RunOptions{Image: image("box-other"), Cmd: []string{"/bin/busybox", "sh", "-c", script}, Env: []string{"PATH=/bin"}}),
	}
}

// swap starts dlx, and has the ID change hands when the runtime has told it. It says whether that
// came about.
func (p *pair) swap(capture, again bool) (reused bool) {
	p.Helper()
	info, err := p.docker.Client.ContainerInspect(p.Context(), p.victim.ID, client.ContainerInspectOptions{})
	if err != nil || info.Container.State.Pid == 0 {
		p.Errorf("inspect: %v", err)
		return false
	}
	pid := info.Container.State.Pid
	var once sync.Once
	host, end := p.proxy(fmt.Appendf(nil, `"Pid":%d,`, pid), func() {
		once.Do(func() { reused = p.give(pid, again) })
	})
	args := []string{"debug", p.victim.ID, "--", "cat", "/who"}
	if capture {
		args = []string{"capture", p.victim.ID, "-c", "5", "--duration", "1s"}
	}
	r, _ := p.interrupt(endLimit, []string{"DOCKER_HOST=" + host}, args...)
	end() // when the ID has changed hands
	if strings.Contains(r.Stdout, "box-other") {
		p.Errorf("%q is one of the other container: %+v", args, r)
	}
	p.start()
	return reused
}

// give ends the victim, waits until its first process's ID is one of the other container's, and
// starts it again.
func (p *pair) give(pid int, again bool) bool {
	if _, err := p.docker.Client.ContainerKill(p.Context(), p.victim.ID, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		p.Errorf("kill: %v", err)
		return false
	}
	given := false
	for end := time.Now().Add(5 * time.Second); !given && time.Now().Before(end); {
		// The kernel looks for the next process's ID from here on (proc(5), ns_last_pid).
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			p.Errorf("make the kernel use an ID again: %v", err)
			return false
		}
		<-time.After(100 * time.Microsecond) // a process may come
		groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		given = bytes.Contains(groups, []byte(p.other.ID))
	}
	if again {
		p.start()
	}
	return given
}

// start has the victim run.
func (p *pair) start() {
	if _, err := p.docker.Client.ContainerStart(p.Context(), p.victim.ID, client.ContainerStartOptions{}); err != nil {
		p.Errorf("start: %v", err)
	}
}

// TestPause: a container is frozen in the midst of sessions, by its owner. They end when their time
// is over.
func TestPause(t *testing.T) {
	t.Parallel()
	a := start(t, "the container frozen and let go on, in the midst of what dlx does", "debug, inject, eject")
	box := testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: testutil.SharedNetwork(t)})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	docker := testutil.RequireDocker(t)
	var pauses atomic.Int64
	group.Go(func() {
		for ctx.Err() == nil {
			if _, err := docker.Client.ContainerPause(ctx, box.ID, client.ContainerPauseOptions{}); err == nil {
				pauses.Add(1)
			}
			_, _ = docker.Client.ContainerUnpause(context.WithoutCancel(ctx), box.ID, client.ContainerUnpauseOptions{})
		}
	})
	a.begin()
	for a.moreStarts(3 * longSessions) {
		a.run("debug", box.ID, "--timeout", "300ms", "--profile", "baseline", "--", "sleep", "5")
		a.run("inject", box.ID)
		if r := a.run("eject", box.ID); r.Code != 0 {
			t.Errorf("eject: %+v", r)
		}
		a.tries = int(pauses.Load())
	}
	a.clean()
	if diff := box.Diff(); len(diff) > 0 {
		t.Errorf("the container has %q", diff)
	}
}

// TestNames: none of dlx's outputs has what a terminal would obey, whatever a container calls
// things.
func TestNames(t *testing.T) {
	t.Parallel()
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
