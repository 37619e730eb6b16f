package captures_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dlx/agent/captures"
	"dlx/agent/identity"
	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
)

// open opens a store for the length of a test.
func open(t *testing.T, dir string, l captures.Limits) *captures.Store {
	t.Helper()
	s, err := captures.Open(dir, l, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func of(user string, uid uint32) captures.Definition {
	return captures.Definition{
		Caller:  identity.Caller{Known: identity.PeerCredentials, Name: user, User: user, UID: uid},
		Request: engine.CaptureRequest{Targets: []string{"web"}, Filter: "port 80"},
	}
}

// begin begins a capture of some blocks.
func begin(t *testing.T, s *captures.Store, d captures.Definition, more ...[]byte) *captures.Capture {
	t.Helper()
	c, err := s.New(d)
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, c, more...)
	t.Cleanup(func() { end(c) })
	return c
}

// end ends one that a test leaves behind.
func end(c *captures.Capture) {
	select {
	case <-c.Done():
	default:
		_ = c.Pause()
	}
}

// goOn writes a section.
func goOn(t *testing.T, c *captures.Capture, more ...[]byte) {
	t.Helper()
	if err := errors.Join(c.Begin(), c.Blocks(head(), 0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, b := range more {
		if err := c.Blocks(b, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func head() []byte {
	b := pcapng.AppendSection(nil, &pcapng.Section{Application: "dlx"})
	return pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, Name: "eth0"})
}

// packet is one of so many bytes.
func packet(size int) []byte {
	return pcapng.AppendPacket(nil, &pcapng.Packet{Time: 1, Length: uint32(size), Data: bytes.Repeat([]byte{0xaa}, size), Direction: pcapng.In})
}

// content is the file of a capture, whose digest is the one that is told.
func content(t *testing.T, c *captures.Capture) []byte {
	t.Helper()
	f, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f.From(0))
	if err != nil || int64(len(b)) != f.Size {
		t.Fatalf("%d bytes of %d, %v", len(b), f.Size, err)
	}
	if sum := sha256.Sum256(b); !bytes.Equal(sum[:], f.SHA256) {
		t.Errorf("SHA-256 %x, and %x is told", sum, f.SHA256)
	}
	return b
}

// TestKept: a capture is on the disk from its beginning, readable while it goes on, and with its
// end has a digest, which is its file's.
func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	s := open(t, dir, captures.Limits{})
	c := begin(t, s, of("alice", 1000), packet(100))
	if i := c.Info(); !i.Running() || i.Packets != 1 || i.MaxBytes != captures.DefaultBytes || i.Until.Sub(i.Started) != captures.DefaultDuration {
		t.Errorf("%+v", i)
	}
	first := content(t, c)
	if err := errors.Join(c.Blocks(packet(50), 1, 3), c.Finish("enough")); err != nil {
		t.Fatal(err)
	}
	all := content(t, c)
	if !bytes.HasPrefix(all, first) || len(all) == len(first) {
		t.Errorf("%d bytes behind %d", len(all), len(first))
	}
	i := c.Info()
	sum := sha256.Sum256(all)
	if i.Running() || i.Why != "enough" || i.Packets != 2 || i.Dropped != 3 || i.Bytes != uint64(len(all)) || i.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", i)
	}
	for _, name := range []string{"", c.ID() + ".json", c.ID() + ".pcapng"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q: %v, %v", name, info, err)
		}
	}
	again := open(t, dir, captures.Limits{}).Find(c.ID())
	if again == nil {
		t.Fatal("it is not there for the next agent")
	}
	if got := again.Info(); got.SHA256 != i.SHA256 || got.Why != i.Why || !bytes.Equal(content(t, again), all) {
		t.Errorf("the next agent has %+v", got)
	}
}

// TestOwners: what is another user's is not listed as one's own.
func TestOwners(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "captures"), captures.Limits{})
	alice, bob := of("alice", 1000), of("bob", 1001)
	c, _ := begin(t, s, alice), begin(t, s, bob)
	if list := s.List(&alice.Caller); len(list) != 1 || list[0].ID != c.ID() {
		t.Errorf("alice's: %+v", list)
	}
	if list := s.List(nil); len(list) != 2 {
		t.Errorf("all: %+v", list)
	}
	if c.Owned(&bob.Caller) || !c.Owned(&alice.Caller) {
		t.Error("a capture is whose it is not")
	}
	for _, id := range []string{"", ".", "../x", "../../../etc/passwd", c.ID() + "/", strings.ToLower(c.ID())} {
		if s.Find(id) != nil {
			t.Errorf("%q is found", id)
		}
	}
}

// TestNotBegun: what an engine refuses leaves nothing.
func TestNotBegun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	s := open(t, dir, captures.Limits{UserRunning: 1})
	for range 3 {
		c, err := s.New(of("alice", 1000))
		if err != nil {
			t.Fatal(err)
		}
		if s.Find(c.ID()) != nil || len(s.List(nil)) != 0 {
			t.Error("it is there before it began")
		}
		if err := c.Finish("refused"); err != nil {
			t.Error(err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

// TestCutOff: after kill -9 a capture goes on in a further section of the same file, without what
// was half written, and says for how long there was nothing.
func TestCutOff(t *testing.T) {
	for name, half := range map[string][]byte{"whole": nil, "torn": packet(300)[:101], "a few bytes": {1, 2, 3}, "zeroes": make([]byte, 4096)} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "captures")
			c := begin(t, open(t, dir, captures.Limits{}), of("alice", 1000), packet(100), packet(200))
			before := content(t, c)
			file := filepath.Join(dir, c.Name())
			if err := os.WriteFile(file, append(slices.Clone(before), half...), 0o600); err != nil { // the agent is killed
				t.Fatal(err)
			}
			ago := time.Now().Add(-time.Hour).Round(time.Second)
			if err := os.Chtimes(file, ago, ago); err != nil {
				t.Fatal(err)
			}
			if err := open(t, dir, captures.Limits{}).Unfinished()[0].Ready(); err != nil { // and is killed again
				t.Fatal(err)
			}
			s := open(t, dir, captures.Limits{})
			list := s.Unfinished()
			if len(list) != 1 || list[0].ID() != c.ID() {
				t.Fatalf("unfinished: %v", list)
			}
			next := list[0]
			if err := next.Ready(); err != nil {
				t.Fatal(err)
			}
			if got := content(t, next); !bytes.Equal(got, before) {
				t.Errorf("%d bytes are left, want the %d of whole blocks", len(got), len(before))
			}
			goOn(t, next, packet(60))
			if err := next.Finish("enough"); err != nil {
				t.Fatal(err)
			}
			i := next.Info()
			if i.Packets != 3 || len(i.Gaps) != 1 || i.Gaps[0].To.IsZero() || !i.Gaps[0].From.Equal(ago) || !strings.Contains(i.Gaps[0].Why, "without closing") {
				t.Errorf("%+v", i)
			}
			all := content(t, next)
			if sections := bytes.Count(all, []byte{0x0a, 0x0d, 0x0d, 0x0a}); sections != 2 || !bytes.Contains(all, []byte("nothing was captured from ")) {
				t.Errorf("%d sections; the gap is told in %q", sections, all[len(before):])
			}
			for _, reader := range [][]string{{"tcpdump", "-nr"}, {"capinfos"}} {
				r := testutil.Collect(t, exec.Command(testutil.RequireTool(t, reader[0]), append(reader[1:], file)...))
				if r.Code != 0 || strings.Count(r.Stdout, "\n") < 3 {
					t.Errorf("%s: status %d: %s%s", reader[0], r.Code, r.Stdout, r.Stderr)
				}
			}
		})
	}
}

// TestBrief: what whoever asks says at length is kept, and a list has its beginning.
func TestBrief(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	d := of("alice", 1000)
	d.Request.Targets = slices.Repeat([]string{strings.Repeat("\u00e4", 100)}, 100)
	d.Request.Filter = strings.Repeat("port 80 or ", 1000) + "port 81"
	c := begin(t, open(t, dir, captures.Limits{}), d)
	if err := c.Finish(strings.Repeat("why ", 10_000)); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, captures.Limits{}).Find(c.ID())
	if got := again.Definition().Request; len(got.Targets) != 100 || got.Filter != d.Request.Filter {
		t.Errorf("%d targets, a filter of %d bytes", len(got.Targets), len(got.Filter))
	}
	if text, err := json.Marshal(again.Info()); err != nil || len(text) > 8<<10 || !utf8.Valid(text) {
		t.Errorf("a list has %d bytes of it, %v", len(text), err)
	}
	d.Request.Filter = strings.Repeat("x", 1<<20)
	c, err := open(t, dir, captures.Limits{}).New(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(); !errors.Is(err, fault.BadRequest) {
		t.Errorf("a filter of 1 MiB: %v, want fault.BadRequest", err)
	}
	if err := c.Finish(""); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}
