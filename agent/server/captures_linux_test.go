package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dlx/agent/agenttest"
	"dlx/agent/captures"
	"dlx/agent/client"
	"dlx/agent/identity"
	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/server"
	"dlx/capture/linktype"
	"dlx/capture/pcapng"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/target"
)

// kept is a server that keeps captures, whose engine is a test's.
type kept struct {
	*client.Client
	server *server.Server
	store  *captures.Store
	dir    string
	socket string

	mu     sync.Mutex
	events []server.CaptureEvent
}

var refused = fault.New(fault.Refused, "", "the policy says no")

// keep runs one, with captures in a directory.
func keep(t *testing.T, dir string, f *fake) *kept {
	t.Helper()
	k := &kept{dir: dir}
	var err error
	if k.store, err = captures.Open(dir, captures.Limits{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.store.Close() })
	k.server, k.socket = agenttest.Serve(t, server.Options{
		Engine: f, Version: "1.0", Captures: k.store,
		Allow: func(context.Context, string, *target.Info) error { return refused },
		Note: func(_ context.Context, e server.CaptureEvent) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.events = append(k.events, e)
			return nil
		},
	})
	k.Client = dial(t, k.socket)
	return k
}

// noted is what was recorded.
func (k *kept) noted() (list []server.CaptureWhat) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		list = append(list, e.What)
	}
	return list
}

// blocks are a section's beginning and some packets.
func blocks(packets int) []byte {
	b := pcapng.AppendSection(nil, &pcapng.Section{Application: "dlx"})
	b = pcapng.AppendInterface(b, &pcapng.Interface{LinkType: linktype.Ethernet, Name: "eth0"})
	for range packets {
		b = pcapng.AppendPacket(b, &pcapng.Packet{Time: 1, Length: 60, Data: make([]byte, 60), Direction: pcapng.In})
	}
	return b
}

// steady is an engine whose captures have some packets, then go on until they are ended.
func steady(packets int) *fake {
	return &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		if err := errors.Join(to.Begin(), to.Blocks(blocks(packets), uint64(packets), 2)); err != nil {
			return engine.CaptureStats{}, err
		}
		<-ctx.Done()
		return engine.CaptureStats{Captured: uint64(packets)}, nil
	}}
}

func capturesDir(t *testing.T) string { return filepath.Join(t.TempDir(), "captures") }

var web = engine.CaptureRequest{Targets: []string{"web"}, MaxBytes: 1 << 20}

// fetch fetches a capture behind what is there of it.
func (k *kept) fetch(t *testing.T, id string, have []byte) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	sum := sha256.New()
	sum.Write(have)
	_, err := k.FetchCapture(t.Context(), client.Fetch{ID: id, Offset: uint64(len(have)), Sum: sum, To: &out})
	return append(bytes.Clone(have), out.Bytes()...), err
}

// TestDetached: a capture goes on when its client has gone, is listed, fetched while it goes on and
// after its end, ended by who asks for it, whose name is told, and removed.
func TestDetached(t *testing.T) {
	k := keep(t, capturesDir(t), steady(3))
	p := newProxy(t, k.socket)
	i, err := dial(t, p.socket).DetachCapture(t.Context(), web, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p.cut()
	testutil.Wait(t, "packets", limit, func() bool {
		list, err := k.Captures(t.Context())
		return err == nil && len(list) == 1 && list[0].ID == i.ID && list[0].Packets == 3 && list[0].Dropped == 2 && list[0].Running()
	})
	if sessions, err := k.Sessions(t.Context()); err == nil && len(sessions) != 1 {
		t.Errorf("sessions: %+v", sessions)
	}
	so, err := k.fetch(t, i.ID, nil)
	if err != nil || !bytes.Equal(so, blocks(3)) {
		t.Errorf("while it goes on: %d bytes, %v", len(so), err)
	}
	if err := k.RemoveCapture(t.Context(), i.ID); !errors.Is(err, fault.StillOn) {
		t.Errorf("it is removed while it goes on: %v", err)
	}
	ended, err := k.StopCapture(t.Context(), i.ID)
	if err != nil || ended.Running() || !strings.Contains(ended.Why, "root has stopped it") || ended.SHA256 == "" {
		t.Errorf("%+v, %v", ended, err)
	}
	if again, err := k.StopCapture(t.Context(), i.ID); err != nil || again.Why != ended.Why {
		t.Errorf("stopped twice: %+v, %v", again, err)
	}
	if all, err := k.fetch(t, i.ID, so[:40]); err != nil || !bytes.Equal(all, blocks(3)) {
		t.Errorf("after its end: %d bytes, %v", len(all), err)
	}
	if err := k.RemoveCapture(t.Context(), i.ID); err != nil {
		t.Error(err)
	}
	if _, err := k.fetch(t, i.ID, nil); !errors.Is(err, fault.NoCapture) {
		t.Errorf("one that is removed: %v, want fault.NoCapture", err)
	}
	if got := k.noted(); len(got) != 3 || got[0] != server.CaptureFetched || got[2] != server.CaptureRemoved {
		t.Errorf("recorded: %q", got)
	}
}

// TestClientDies: a client that is gone before the answer leaves its capture behind, too.
func TestClientDies(t *testing.T) {
	called, goOn := make(chan struct{}), make(chan struct{})
	f := steady(1)
	inner := f.capture
	f.capture = func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		close(called)
		<-goOn
		return inner(ctx, to)
	}
	k := keep(t, capturesDir(t), f)
	p := newProxy(t, k.socket)
	result := make(chan error, 1)
	go func() {
		_, err := dial(t, p.socket).DetachCapture(context.Background(), web, 0)
		result <- err
	}()
	wait(t, "the engine", called)
	p.cut()
	if err := wait(t, "the client", result); !errors.Is(err, fault.Cut) && !errors.Is(err, fault.NoAgent) { // which may have said nothing yet
		t.Errorf("%v, want fault.Cut", err)
	}
	close(goOn)
	testutil.Wait(t, "the capture", limit, func() bool {
		list, err := k.Captures(t.Context())
		return err == nil && len(list) == 1 && list[0].Packets == 1
	})
}

// TestForeign: another user's capture is told by nothing from one that is not there.
func TestForeign(t *testing.T) {
	k := keep(t, capturesDir(t), steady(1))
	c, err := k.store.New(captures.Definition{Caller: identity.Caller{Known: identity.PeerCredentials, UID: 4242, Name: "alice"}, Request: web})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Begin(), c.Blocks(blocks(1), 1, 0), c.Finish("enough")); err != nil {
		t.Fatal(err)
	}
	if list, err := k.Captures(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("listed: %+v, %v", list, err)
	}
	for what, ask := range map[string]func(id string) error{
		"fetch": func(id string) error { _, err := k.fetch(t, id, nil); return err },
		"stop":  func(id string) error { _, err := k.StopCapture(t.Context(), id); return err },
		"rm":    func(id string) error { return k.RemoveCapture(t.Context(), id) },
	} {
		there := ask(c.ID())
		for _, id := range []string{strings.Repeat("A", 26), "", "../x", "../../../../../etc/passwd", "..", c.ID() + "/../" + c.ID(), strings.Repeat("x", 1<<16)} {
			none := ask(id)
			if !errors.Is(there, fault.NoCapture) || !errors.Is(none, fault.NoCapture) {
				t.Errorf("%s of another's: %v; of none: %v", what, there, none)
			}
			if len(id) == len(c.ID()) && strings.ReplaceAll(there.Error(), c.ID(), id) != none.Error() {
				t.Errorf("%s of another's: %q; of none: %q", what, there, none)
			}
		}
	}
	if k.store.Find(c.ID()) == nil || len(k.noted()) != 0 {
		t.Errorf("it is removed, or recorded: %q", k.noted())
	}
}

// TestRefusedDetached: what the engine refuses is an error, and nothing of it is left.
func TestRefusedDetached(t *testing.T) {
	k := keep(t, capturesDir(t), &fake{capture: func(context.Context, engine.Sink) (engine.CaptureStats, error) {
		return engine.CaptureStats{}, refused
	}})
	if _, err := k.DetachCapture(t.Context(), web, 0); !errors.Is(err, fault.Refused) {
		t.Errorf("%v, want fault.Refused", err)
	}
	if left, err := os.ReadDir(k.dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestLimitsDetached: a capture ends with its time, with its rule's bytes, and with the engine's
// own end, and says which.
func TestLimitsDetached(t *testing.T) {
	ended := func(k *kept, id string) (i captures.Info) {
		testutil.Wait(t, "the capture's end", limit, func() bool {
			i = k.store.Find(id).Info()
			return !i.Running()
		})
		return i
	}
	k := keep(t, capturesDir(t), steady(1))
	i, err := k.DetachCapture(t.Context(), web, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if i = ended(k, i.ID); !strings.Contains(i.Why, "time is up that was asked for") || i.Packets != 1 {
		t.Errorf("%+v", i)
	}
	if _, err := k.DetachCapture(t.Context(), web, -time.Second); !errors.Is(err, fault.BadRequest) {
		t.Errorf("for less than nothing: %v, want fault.BadRequest", err)
	}

	k = keep(t, capturesDir(t), &fake{capture: func(ctx context.Context, to engine.Sink) (engine.CaptureStats, error) {
		server.WorkOf(ctx).Limit(0, 1<<10) // as a gate does
		err := to.Begin()
		for err == nil {
			err = to.Blocks(blocks(1), 1, 0)
		}
		return engine.CaptureStats{}, err
	}})
	if i, err = k.DetachCapture(t.Context(), web, 0); err != nil {
		t.Fatal(err)
	}
	if i = ended(k, i.ID); !strings.Contains(i.Why, "larger than the policy allows") || i.Bytes > 1<<10 || i.Bytes == 0 {
		t.Errorf("%+v", i)
	}
}

// TestFetchCut: what a cut connection has left is gone on with, and what is not the capture's is
// found out.
func TestFetchCut(t *testing.T) {
	const packets = 100_000
	k := keep(t, capturesDir(t), steady(packets))
	i, err := k.DetachCapture(t.Context(), web, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := blocks(packets)
	testutil.Wait(t, "packets", limit, func() bool { return k.store.Find(i.ID).Info().Packets == packets })
	p := newProxy(t, k.socket)
	part := &cutting{after: 1 << 20, cut: p.cut}
	if _, err := dial(t, p.socket).FetchCapture(t.Context(), client.Fetch{ID: i.ID, Sum: sha256.New(), To: part}); !errors.Is(err, fault.Cut) {
		t.Errorf("%v, want fault.Cut", err)
	}
	have := part.Bytes()
	if len(have) == 0 || len(have) >= len(want) {
		t.Fatalf("%d bytes of %d have come", len(have), len(want))
	}
	if got, err := k.fetch(t, i.ID, have); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	other := bytes.Clone(have)
	other[len(other)/2]++
	if _, err := k.fetch(t, i.ID, other); !errors.Is(err, fault.BadCopy) {
		t.Errorf("behind another beginning: %v, want fault.BadCopy", err)
	}
	before := len(k.noted())
	if _, err := k.fetch(t, i.ID, append(bytes.Clone(want), 1)); !errors.Is(err, fault.BadCopy) || len(k.noted()) != before {
		t.Errorf("behind more than there is: %v, want fault.BadCopy, and nothing recorded", err)
	}
	f, err := os.OpenFile(filepath.Join(k.dir, i.ID+".pcapng"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{0xff}, int64(len(want)/2)) // the disk has forgotten
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.fetch(t, i.ID, nil); !errors.Is(err, fault.BadCopy) {
		t.Errorf("of a file that has changed: %v, want fault.BadCopy", err)
	}
}

// cutting cuts its connection when so much has come.
type cutting struct {
	bytes.Buffer
	after int
	cut   func()
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.Len() > c.after && c.cut != nil {
		c.cut()
		c.cut = nil
	}
	return c.Buffer.Write(p)
}

// TestLyingFetch: an agent that sends other bytes than it tells of, more of them or fewer, is found
// out.
func TestLyingFetch(t *testing.T) {
	data := []byte("some bytes")
	sum := sha256.Sum256(data)
	file := &proto.CaptureFile{Bytes: uint64(len(data)), Sha256: sum[:]}
	for name, tt := range map[string]struct {
		liar liar
		want error
	}{
		"honest":       {liar{file: file, data: data, told: 10}, nil},
		"others":       {liar{file: file, data: []byte("other byte"), told: 10}, fault.BadCopy},
		"more":         {liar{file: file, data: []byte("some bytes, and more"), told: 20}, fault.BadCopy},
		"fewer":        {liar{file: file, data: data[:4], told: 4}, fault.BadCopy},
		"miscounted":   {liar{file: file, data: data, told: 3}, fault.Cut},
		"no beginning": {liar{data: data, told: 10}, fault.BadCopy},
	} {
		c := dial(t, agenttest.Answer(t, &tt.liar))
		var got bytes.Buffer
		_, err := c.FetchCapture(t.Context(), client.Fetch{ID: "A", Sum: sha256.New(), To: &got})
		if got.Len() > len(data) {
			t.Errorf("%s: %d bytes are written", name, got.Len())
		}
		if (tt.want == nil) != (err == nil) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// liar is an agent whose captures are what a test says.
type liar struct {
	protoconnect.UnimplementedAgentHandler
	file *proto.CaptureFile
	data []byte
	told uint64
}

func (l *liar) FetchCapture(_ context.Context, _ *proto.FetchCaptureRequest, s protoconnect.AgentFetchCaptureServerStream) error {
	if l.file != nil {
		if err := s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_File{File: l.file}}); err != nil {
			return err
		}
	}
	return errors.Join(
		s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_Data{Data: l.data}}),
		s.Send(&proto.FetchCaptureOutput{Output: &proto.FetchCaptureOutput_End{End: &proto.FetchEnd{Bytes: l.told}}}))
}
