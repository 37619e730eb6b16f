package engine_test

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dlx/capture/pcapng"
	"dlx/engine"
)

// TestOwnLeftOut: a request's own connection is left out where the target is in the engine's own
// network namespace, whatever the request's filter is, and nothing else is: not another
// connection, and nothing of another namespace.
func TestOwnLeftOut(t *testing.T) {
	if !alone(t) {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newFake(t, "docker")
	web := f.run("web")
	e := localOf(t, engine.LocalOptions{}, f)
	self := "pid-" + strconv.Itoa(os.Getpid())
	words := []string{"another", "of web", "of nobody"}
	for expr, want := range map[string][]string{
		"": words, "tcp": words[:1], "udp or tcp": words, "tcp port 1 or udp": words[1:],
	} {
		own, other := dial(t, listener), dial(t, listener)
		c := engine.Connection{Local: netip.MustParseAddrPort(own.LocalAddr().String()), Remote: netip.MustParseAddrPort(own.RemoteAddr().String())}
		req := engine.CaptureRequest{Targets: []string{"pid://" + strconv.Itoa(os.Getpid()), "web"}, Own: []engine.Connection{c}, Filter: expr}
		u := begin(t, e, req, newSink())
		for _, conn := range []net.Conn{own, other} {
			word := words[0]
			if conn == own {
				word = "my own"
			}
			if _, err := conn.Write([]byte(word)); err != nil {
				t.Fatal(err)
			}
		}
		web.send(t, words[1])
		if err := sendTo("127.0.0.1:9", words[2]); err != nil {
			t.Fatal(err)
		}
		for _, word := range want {
			u.wait(word)
		}
		u.stopped()
		file := u.to.String()
		for _, word := range append([]string{"my own"}, words...) {
			if strings.Contains(file, word) != slices.Contains(want, word) {
				t.Errorf("%q: %q is there: %t", expr, word, !slices.Contains(want, word))
			}
		}
		if diff := cmp.Diff(req.Own, u.stats.LeftOut, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" || u.err != nil {
			t.Errorf("%q: %v, left out (-want +got):\n%s", expr, u.err, diff)
		}
		leaves := "not (tcp and host 127.0.0.1 and host 127.0.0.1 and port "
		if expr != "" {
			leaves = "(" + expr + ") and " + leaves
		}
		if said := filters(file); slices.Contains(want, words[1]) && said["web"] != expr || !strings.HasPrefix(said[self], leaves) {
			t.Errorf("%q: the file says %q", expr, said)
		}
	}
}

// dial makes a connection that ends with the test.
func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return c
}

// filters are those that a file names, by the containers of its packets.
func filters(file string) map[string]string {
	said := map[string]string{}
	for r := pcapng.NewReader(strings.NewReader(file)); ; {
		p, err := r.Next()
		if err != nil {
			return said
		}
		i := r.Interface(&p)
		name, _, _ := strings.Cut(i.Description, ", ")
		said[name] = i.Filter
	}
}

// TestShares: a capture's memory is shared out to its containers, of whom each gets enough for a
// burst, and those that labels will bring are reckoned with.
func TestShares(t *testing.T) {
	many := make([]string, 100)
	const mib = 1 << 20
	for _, tt := range []struct {
		req  engine.CaptureRequest
		want int
	}{
		{engine.CaptureRequest{Targets: many[:1]}, 32 * mib},
		{engine.CaptureRequest{Targets: many[:4]}, 8 * mib},
		{engine.CaptureRequest{Targets: many}, 2 * mib},
		{engine.CaptureRequest{Labels: many[:3]}, 4 * mib},
		{engine.CaptureRequest{Targets: many[:8], Labels: many[:1]}, 2 * mib},
		{engine.CaptureRequest{Targets: many[:2], RingSize: mib}, mib}, // less than the least was asked for
		{engine.CaptureRequest{Targets: many[:2], RingSize: 64 * mib}, 32 * mib},
		{engine.CaptureRequest{Targets: many[:2], RingSize: -1}, 16 * mib},
	} {
		if got := engine.RingSize(tt.req); got != tt.want {
			t.Errorf("%d targets, %d labels, %d bytes asked for: %d, want %d", len(tt.req.Targets), len(tt.req.Labels), tt.req.RingSize, got, tt.want)
		}
	}
}
