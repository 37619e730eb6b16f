//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket/pcapgo"

	"dlx/capture"
	"dlx/capture/pcapng"
	"dlx/engine"
	"dlx/internal/testutil"
)

// capturing is a capture under way.
type capturing struct {
	t     *testing.T
	out   *sink
	stop  context.CancelFunc
	done  chan struct{}
	stats engine.CaptureStats
	err   error
	names func(netip.Addr) []string // as of the file's end
}

// startCapture starts a capture and returns when its sockets are open: then the sink begins.
func startCapture(t *testing.T, e engine.Engine, req engine.CaptureRequest) *capturing {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	c := &capturing{t: t, out: newSink(t, nil), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.stats, c.err = e.Capture(ctx, req, c.out)
	}()
	select {
	case <-c.out.started:
	case <-c.done:
		t.Fatalf("capture ended early: %v", c.err)
	case <-ctx.Done():
		t.Fatal("capture does not begin")
	}
	return c
}

// packet is what a test wants to know of a packet.
type packet struct {
	Container, Interface, Comment string
	Process                       uint32
}

// packets ends the capture unless it has ended, and returns its packets.
func (c *capturing) packets() (list []packet) {
	c.t.Helper()
	c.stop()
	<-c.done
	if c.err != nil {
		c.t.Fatal(c.err)
	}
	r := pcapng.NewReader(strings.NewReader(c.out.String()))
	var last uint64
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			c.names = r.Names
			if n := uint64(len(list)); c.out.packets != n || c.stats.Captured != n || c.out.dropped != c.stats.Dropped {
				c.t.Errorf("%d packets; the sink was told of %d and %d lost ones, statistics %+v", n, c.out.packets, c.out.dropped, c.stats)
			}
			return list
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if p.Time < last {
			c.t.Errorf("packet %d is older than the one before it", len(list)+1)
		}
		last = p.Time
		i := r.Interface(&p)
		name, _, _ := strings.Cut(i.Description, ", ")
		list = append(list, packet{name, i.Name, p.Comment, p.Process})
	}
}

// fetch has a web container's own loopback carry an HTTP request: at least 10 packets.
func fetch(t *testing.T, e engine.Engine, c *testutil.Container) {
	t.Helper()
	sh(t, e, engine.DebugRequest{Target: c.ID}, "until curl -s http://127.0.0.1/ >/dev/null; do sleep 0.05; done")
}

// capture checks that the packets of a request inside the container's namespace come out as pcapng.
func (s *suite) capture(t *testing.T) {
	e := s.engine(t)
	image := testutil.Image(t, "web", testutil.Prog(t, "web"))
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	untouched(t, c)
	run := startCapture(t, e, engine.CaptureRequest{Targets: []string{c.ID}, Interface: "lo", Filter: "tcp port 80", Count: 4})
	fetch(t, e, c)
	<-run.done
	if run.err != nil {
		t.Fatal(run.err)
	}
	r, err := pcapgo.NewNgReader(strings.NewReader(run.out.String()), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		if !bytes.Contains(data, []byte{127, 0, 0, 1, 127, 0, 0, 1}) {
			t.Errorf("packet % x is not from lo", data)
		}
		n++
	}
	if n != 4 || run.stats.Captured != 4 || run.stats.Dropped != 0 {
		t.Errorf("%d packets in the file, statistics %+v; want 4", n, run.stats)
	}
	t.Run("sink that refuses", func(t *testing.T) {
		refusal := errors.New("refused")
		if _, err := e.Capture(t.Context(), engine.CaptureRequest{Targets: []string{c.ID}}, newSink(t, refusal)); !errors.Is(err, refusal) {
			t.Errorf("error %v, want the sink's", err)
		}
	})
	t.Run("process", func(t *testing.T) { s.process(t, e, c) })
	t.Run("own connection", func(t *testing.T) { s.own(t, e) })
	t.Run("several", func(t *testing.T) { s.several(t, e, image) })
	t.Run("restart", func(t *testing.T) { s.restart(t, e, image) })
	t.Run("labels", func(t *testing.T) { s.labels(t, e, image) })
	t.Run("shared namespace", func(t *testing.T) { s.shared(t, e, image) })
	t.Run("interfaces", func(t *testing.T) { s.interfaces(t, e, c) })
}

// count counts packets by container.
func count(list []packet) map[string]int {
	n := map[string]int{}
	for _, p := range list {
		n[p.Container]++
	}
	return n
}

// several captures in two containers at once, in the order of time.
func (s *suite) several(t *testing.T, e engine.Engine, image string) {
	one, two, other := testutil.Run(t, testutil.RunOptions{Image: image}), testutil.Run(t, testutil.RunOptions{Image: image}), testutil.Run(t, testutil.RunOptions{Image: image})
	run := startCapture(t, e, engine.CaptureRequest{Targets: []string{one.Name, two.Name}, Filter: "tcp port 80"})
	for range 2 {
		fetch(t, e, one)
		fetch(t, e, two)
	}
	n := count(run.packets())
	if len(n) != 2 || n[one.Name] < 20 || n[two.Name] < 20 {
		t.Errorf("packets %v, want at least 20 of %s and of %s", n, one.Name, two.Name)
	}
	for _, c := range []*testutil.Container{one, two, other} {
		for _, network := range c.Inspect().NetworkSettings.Networks {
			want := []string{c.Name}
			if c == other { // which no packet has to do with
				want = nil
			}
			if diff := cmp.Diff(want, run.names(network.IPAddress)); diff != "" {
				t.Errorf("names of %v (-want +got):\n%s", network.IPAddress, diff)
			}
		}
	}
}

// restart: the capture says so, goes on in the new namespace, and ends with the container.
func (s *suite) restart(t *testing.T, e engine.Engine, image string) {
	c := testutil.Run(t, testutil.RunOptions{Image: image})
	run := startCapture(t, e, engine.CaptureRequest{Targets: []string{c.Name}, Filter: "tcp port 80"})
	fetch(t, e, c)
	c.Restart()
	testutil.Wait(t, "the capture in the new namespace", limit, func() bool { return strings.Contains(run.out.String(), "was restarted") })
	fetch(t, e, c)
	c.Kill("KILL")
	<-run.done
	list := run.packets()
	if n := count(list); n[c.Name] < 20 || len(n) != 1 {
		t.Errorf("packets %v, want at least 20 of %s", n, c.Name)
	}
	noted := 0
	for _, p := range list {
		if strings.HasPrefix(p.Comment, c.Name+" was restarted") {
			noted++
		}
	}
	if noted != 1 || len(run.stats.Restarts) != 1 || !run.stats.TargetEnded {
		t.Errorf("%d packets say that the container was restarted, statistics %+v; want one, and the end of the target", noted, run.stats)
	}
}

// labels captures in a container that runs already, and in one that starts later; one without the
// label is left out.
func (s *suite) labels(t *testing.T, e engine.Engine, image string) {
	labels := map[string]string{"dlx.test": t.Name()}
	other := testutil.Run(t, testutil.RunOptions{Image: image})
	one := testutil.Run(t, testutil.RunOptions{Image: image, Labels: labels})
	run := startCapture(t, e, engine.CaptureRequest{Labels: []string{"dlx.test=" + t.Name()}, Filter: "tcp port 80"})
	fetch(t, e, one)
	fetch(t, e, other)
	one.Kill("KILL")
	two := testutil.Run(t, testutil.RunOptions{Image: image, Labels: labels})
	testutil.Wait(t, "the capture in the second container", limit, func() bool { return strings.Contains(run.out.String(), two.Name) })
	fetch(t, e, two)
	n := count(run.packets())
	if len(n) != 2 || n[one.Name] < 10 || n[two.Name] < 10 {
		t.Errorf("packets %v, want at least 10 of %s and of %s", n, one.Name, two.Name)
	}
}

// shared: a namespace of two containers is captured once, and for as long as one of them runs.
func (s *suite) shared(t *testing.T, e engine.Engine, image string) {
	one := testutil.Run(t, testutil.RunOptions{Image: image})
	two := testutil.Run(t, testutil.RunOptions{
		Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), NetworkMode: "container:" + one.ID,
	})
	run := startCapture(t, e, engine.CaptureRequest{Targets: []string{two.Name, one.Name}, Filter: "tcp[tcpflags] & tcp-syn != 0 and tcp[tcpflags] & tcp-ack = 0"})
	fetch(t, e, one)
	two.Kill("KILL")
	two.Remove()
	fetch(t, e, one)
	if diff := cmp.Diff(map[string]int{two.Name + "+" + one.Name: 2}, count(run.packets())); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}

func (s *suite) interfaces(t *testing.T, e engine.Engine, c *testutil.Container) {
	list, err := e.Interfaces(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i].Addresses = nil
	}
	want := []capture.Interface{
		{Name: "lo", Index: 1, Up: true, Loopback: true, LinkType: 1},
		{Name: "eth0", Up: true, Driver: "veth", LinkType: 1},
	}
	ignore := cmpopts.IgnoreFields(capture.Interface{}, "MAC", "Index")
	if diff := cmp.Diff(want, list, ignore); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}
