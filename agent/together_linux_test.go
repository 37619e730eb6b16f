package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlx/agent"
	"dlx/agent/tlsid"
	"dlx/capture"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// TestMost: what all callers have together is bounded, whatever a rule lets each of them have.
func TestMost(t *testing.T) {
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) {
		c.Most = agent.Most{Sessions: 1, Captures: 1, Ring: 1 << 20}
	})
	c := paused(t, "shop")
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := p.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1000"}}, engine.Streams{Started: func() { close(started) }})
		ended <- err
	}()
	<-started
	if _, err := p.sh(t, c, "true"); !errors.Is(err, fault.TooMany) {
		t.Errorf("one session more: %v, want fault.TooMany", err)
	}
	if all := p.record(t); string(all[len(all)-1].Kind) != "refused" {
		t.Errorf("recorded last: %+v", all[len(all)-1])
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	testutil.Wait(t, "room for a session", limit, func() bool {
		_, err := p.sh(t, c, "true")
		return err == nil
	})
	if _, err := p.Capture(t.Context(), engine.CaptureRequest{Targets: []string{c.ID}, Count: 1}, discarded{}); !errors.Is(err, fault.TooMany) {
		t.Errorf("a capture with the usual ring: %v, want fault.TooMany", err)
	}
	// Names of one container make each one's share small; what the engine makes at least is more.
	again := engine.CaptureRequest{Targets: slices.Repeat([]string{c.ID}, 1000), Count: 1}
	if _, err := p.Capture(t.Context(), again, discarded{}); !errors.Is(err, fault.TooMany) {
		t.Errorf("a capture of 1,000 names of one container: %v, want fault.TooMany", err)
	}
	brief, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBrief)
	defer cancel()
	if _, err := p.Capture(brief, engine.CaptureRequest{Targets: []string{c.ID}, RingSize: 1 << 20}, discarded{}); err != nil && !errors.Is(err, errBrief) {
		t.Errorf("a capture with a ring that there is room for: %v", err)
	}
}

var errBrief = errors.New("it was long enough")

type discarded struct{}

var _ capture.Sink = discarded{}

func (discarded) Begin() error                        { return nil }
func (discarded) Blocks([]byte, uint64, uint64) error { return nil }

// TestRate: a rule's rate holds a session's output up, and loses nothing of it.
func TestRate(t *testing.T) {
	p := run(t, shopRules+"    limits: {rate: 1m}\n")
	c := paused(t, "shop")
	began := time.Now()
	out, err := p.sh(t, c, "head -c 3500000 /dev/zero | tr '\\0' x")
	if took := time.Since(began); err != nil || len(out) != 3500000 || took < 2*time.Second {
		t.Errorf("%d bytes in %s, %v: 1 MiB at once, and as much a second, are allowed", len(out), took, err)
	}
}

// counted counts what is asked of an engine.
type counted struct {
	engine.Engine
	asked atomic.Int32
}

func (c *counted) Interfaces(ctx context.Context, name string) ([]capture.Interface, error) {
	c.asked.Add(1)
	return c.Engine.Interfaces(ctx, name)
}

// TestManyDenials: who asks again and again for what is denied fills no disk with it, and takes no
// time of the runtimes'.
func TestManyDenials(t *testing.T) {
	e := &counted{}
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) {
		local := c.Engine
		c.Engine = func(gate engine.Gate) engine.Engine {
			e.Engine = local(gate)
			return e
		}
	})
	c := paused(t, "bank")
	const often, at = 10_000, 8
	began := time.Now()
	var asking sync.WaitGroup
	var waits atomic.Int32
	for range at {
		asking.Go(func() {
			for range often / at {
				if _, err := p.Interfaces(t.Context(), c.ID); errors.Is(err, fault.TooMany) {
					waits.Add(1)
				} else if !errors.Is(err, fault.Refused) {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	asking.Wait()
	minutes := int(time.Since(began)/time.Minute) + 1
	t.Logf("%d refusals in %s, %d of them at the door", often, time.Since(began).Round(time.Millisecond), waits.Load())
	all := p.record(t)
	if n := len(all); n > 60*minutes {
		t.Errorf("%d lines", n)
	}
	if said := all[min(len(all), 60)-1].Text; !strings.Contains(said, "not recorded") {
		t.Errorf("the last line of a minute says %q", said)
	}
	if n := int(e.asked.Load()); n > (60+at)*minutes {
		t.Errorf("the engine was asked %d times", n)
	}
	if _, err := p.List(t.Context()); err != nil {
		t.Errorf("who waits for a minute's end is shown no list: %v", err)
	}
}

// TestManyClients: 200 clients at once, from one address, are all served, and the agent's memory
// stays bounded.
func TestManyClients(t *testing.T) {
	a, tcp := newAuthority(t), freePort(t)
	names := []string{"alice", "bob", "carol", "dave"}
	who := make([]string, len(names))
	for i, name := range names {
		who[i] = fmt.Sprintf("%q", "URI:dlx://user/"+name)
	}
	rules := strings.Replace(shopRules, "users: [root]", "certificates: ["+strings.Join(who, ", ")+"]", 1)
	p := runAt(t, rules, tcp, a.files)
	c := paused(t, "shop")
	const each = 50 // clients of one user's, who may have 64 calls
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var clients sync.WaitGroup
	for _, name := range names {
		for i := range each {
			user := a.user(t, tcp, name)
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				list, err := user.List(ctx)
				if err != nil || len(list) != 1 {
					t.Errorf("%s: %d containers, %v", name, len(list), err)
				}
				if i%5 != 0 {
					return
				}
				if code, err := user.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{Stdout: io.Discard}); err != nil || code != 0 {
					t.Errorf("%s: %d, %v", name, code, err)
				}
			})
		}
	}
	clients.Wait()
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapSys) - int64(before.HeapSys)
	t.Logf("200 clients and their agent, in one process, took %d MiB more", grown>>20)
	if grown > 400<<20 {
		t.Errorf("%d MiB", grown>>20)
	}
	if strings.Contains(p.log.String(), "a connection is refused") {
		t.Errorf("the agent's log:\n%s", p.log.String())
	}
}
