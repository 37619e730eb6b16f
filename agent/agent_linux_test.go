package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlx/agent"
	"dlx/agent/client"
	"dlx/agent/pki"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/record/audit"
	"dlx/target"
	"dlx/target/docker"
)

// place is a running agent, and who asks it.
type place struct {
	*client.Client
	state, policy string
	log           *testutil.Output
}

// run runs an agent with a policy's rules for the length of a test.
func run(t *testing.T, rules string) *place { return runAt(t, rules, "", tlsid.Files{}) }

// runAt runs one that listens on TCP as well, or is otherwise than usual.
func runAt(t *testing.T, rules, tcp string, files tlsid.Files, change ...func(*agent.Config)) *place {
	t.Helper()
	testutil.RequireRoot(t)
	d := testutil.RequireDocker(t)
	dir := t.TempDir()
	p := &place{state: filepath.Join(dir, "state"), policy: filepath.Join(dir, "policy.yaml"), log: &testutil.Output{}}
	p.write(t, rules)
	socket := filepath.Join(dir, "s", "agent.sock")
	config := agent.Config{
		Socket: socket, TCP: tcp, TLS: files, Policy: p.policy, State: p.state, Record: agent.RecordAll, Version: "test", Log: slog.New(slog.NewJSONHandler(p.log, nil)),
		Engine: func(gate engine.Gate) engine.Engine {
			return engine.NewLocal(engine.LocalOptions{
				Runtimes: []target.Runtime{docker.New(docker.Options{Host: d.Host})}, State: p.state, Configs: []string{t.TempDir()}, KeepReady: true, Gate: gate,
			})
		},
	}
	for _, f := range change {
		f(&config)
	}
	a, err := agent.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	address, err := client.ParseAddress("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	p.Client = client.New(client.Options{Address: address, Reason: "a test", Version: "test"})
	t.Cleanup(func() {
		_ = p.Close()
		cancel()
		if err := errors.Join(<-done, a.Close()); err != nil && !errors.Is(err, fault.NoRecord) {
			t.Error(err)
		}
	})
	return p
}

// write puts a policy in the place of the one before.
func (p *place) write(t *testing.T, rules string) {
	t.Helper()
	err := errors.Join(os.WriteFile(p.policy+".new", []byte("version: 1\nrules:\n"+rules), 0o600), os.Rename(p.policy+".new", p.policy))
	if err != nil {
		t.Fatal(err)
	}
}

// record is what the agent has recorded, but for its own lines.
func (p *place) record(t *testing.T) (list []audit.Entry) {
	t.Helper()
	_, err := audit.Read(os.DirFS(filepath.Join(p.state, "audit")), audit.Filter{}, func(e *audit.Entry) error {
		if e.Kind == audit.KindBegin || e.Kind == audit.KindEnd || e.Kind == audit.KindRefused {
			list = append(list, *e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// sh runs a script in a container.
func (p *place) sh(t *testing.T, c *testutil.Container, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out bytes.Buffer
	code, err := p.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", script}}, engine.Streams{Stdout: &out, Stderr: &out})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d: %s", code, out.String())
	}
	return out.String(), err
}

func paused(t *testing.T, name string) *testutil.Container {
	t.Helper()
	return testutil.Run(t, testutil.RunOptions{Image: testutil.Image(t, "pause", testutil.Prog(t, "pause")), Labels: map[string]string{"app": name}, NetworkMode: testutil.SharedNetwork(t)})
}

const shopRules = `  - allow: debug the shop
    who: {users: [root]}
    verbs: [list, debug, capture, inject, eject, interfaces]
    targets: [{labels: [app=shop]}]
    profiles: [general]
    fs: [toolbox]
    users: ["*"]
`

// TestPolicyDecides: what the policy does not allow is not done, is not listed, and is recorded.
func TestPolicyDecides(t *testing.T) {
	p := run(t, shopRules)
	ours, theirs := paused(t, "shop"), paused(t, "bank")
	if out, err := p.sh(t, ours, "echo hello"); err != nil || out != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	before := theirs.Diff()
	_, derr := p.sh(t, theirs, "echo hello")
	_, ierr := p.Inject(t.Context(), engine.InjectRequest{Target: theirs.ID})
	_, nerr := p.Interfaces(t.Context(), theirs.ID)
	_, cerr := p.Capture(t.Context(), engine.CaptureRequest{Targets: []string{theirs.ID}, Count: 1}, engine.Sink(nowhere{}))
	_, oerr := p.Toolboxes(t.Context())
	for what, err := range map[string]error{"debug": derr, "inject": ierr, "interfaces": nerr, "capture": cerr, "toolboxes": oerr} {
		if !errors.Is(err, fault.Refused) {
			t.Errorf("%s: %v, want fault.Refused", what, err)
		}
	}
	if after := theirs.Diff(); len(after) != len(before) {
		t.Errorf("the container has changed: %v", after)
	}
	list, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Labels["app"] != "shop" {
			t.Errorf("container %s is listed", c.Name)
		}
	}
	refused := 0
	for _, e := range p.record(t) {
		if e.Kind == audit.KindRefused {
			refused++
			if e.Target.ID != theirs.ID || e.Who.User != "root" || e.Decision.Allowed || e.Outcome.Error == "" {
				t.Errorf("%+v", e)
			}
		}
	}
	if refused != 4 {
		t.Errorf("%d refusals are recorded, want 4", refused)
	}
}

type nowhere struct{}

func (nowhere) Begin() error                        { return nil }
func (nowhere) Blocks([]byte, uint64, uint64) error { return nil }

// TestRecorded: the record is there before the session begins, and afterwards has its end and the
// digest of its recording.
func TestRecorded(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	var early []audit.Entry
	code, err := p.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Command: []string{"sh", "-c", "echo seen; exit 3"}},
		engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { early = p.record(t) }})
	if code != 3 || err != nil {
		t.Fatalf("status %d, %v", code, err)
	}
	if len(early) != 1 || early[0].Kind != audit.KindBegin {
		t.Fatalf("as it began: %+v", early)
	}
	b := early[0]
	if b.Reason != "a test" || b.Target.PID != c.PID || b.Target.Started == 0 || b.Target.Namespaces["net"] == 0 || len(b.Session.Command) != 3 ||
		b.Session.Restraints.Profile != "general" || len(b.Toolboxes) != 1 || b.Decision.Rule != "debug the shop" || !strings.HasPrefix(b.Decision.Policy, "sha256:") {
		t.Errorf("%+v", b)
	}
	all := p.record(t)
	e := all[len(all)-1]
	if e.Kind != audit.KindEnd || e.ID != b.ID || e.Outcome.Exit == nil || *e.Outcome.Exit != 3 || e.Outcome.Bytes != uint64(len("seen\n")) {
		t.Errorf("%+v", e)
	}
	tape, err := os.ReadFile(filepath.Join(p.state, "recordings", e.Recording.Name))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(tape); e.Recording.Digest != "sha256:"+hex.EncodeToString(sum[:]) || !bytes.Contains(tape, []byte(`"seen`)) {
		t.Errorf("the recording of digest %s is %s", e.Recording.Digest, tape)
	}
}

// TestNoRecord: when the record is gone what is under way ends, and nothing is begun.
func TestNoRecord(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	started, result := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := p.Debug(context.Background(), engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1000"}},
			engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(started) }})
		result <- err
	}()
	<-started
	if err := os.RemoveAll(filepath.Join(p.state, "audit")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.sh(t, c, "true"); !errors.Is(err, fault.NoRecord) {
		t.Errorf("a session: %v, want fault.NoRecord", err)
	}
	if _, err := p.Inject(t.Context(), engine.InjectRequest{Target: c.ID}); !errors.Is(err, fault.NoRecord) {
		t.Errorf("inject: %v, want fault.NoRecord", err)
	}
	select {
	case err := <-result:
		if err == nil {
			t.Error("the session ended as if nothing were wrong")
		}
	case <-time.After(limit):
		t.Error("a session goes on without a record")
	}
}

// TestLimits: those of a rule hold.
func TestLimits(t *testing.T) {
	p := run(t, shopRules+"    limits: {time: 2s, sessions: 1, bytes: 1m, ring: 1m}\n")
	c := paused(t, "shop")
	started, result := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := p.Debug(context.Background(), engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1000"}},
			engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(started) }})
		result <- err
	}()
	<-started
	if _, err := p.sh(t, c, "true"); !errors.Is(err, fault.TooMany) {
		t.Errorf("a second session: %v, want fault.TooMany", err)
	}
	if err := <-result; !errors.Is(err, fault.TimedOut) {
		t.Errorf("a long one: %v, want fault.TimedOut", err)
	}
	if _, err := p.sh(t, c, "yes | head -c 2000000"); !errors.Is(err, fault.QuotaExceeded) {
		t.Errorf("one that says much: %v, want fault.QuotaExceeded", err)
	}
	if _, err := p.Capture(t.Context(), engine.CaptureRequest{Targets: []string{c.ID}, Count: 1}, nowhere{}); !errors.Is(err, fault.Refused) {
		t.Errorf("a capture with the usual ring: %v, want fault.Refused", err)
	}
}

// TestPolicyReload: a new policy holds from then on; one with a mistake does not, and is told of.
func TestPolicyReload(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	p.write(t, "  - nonsense: true\n")
	testutil.Wait(t, "the mistake to be told", limit, func() bool { return strings.Contains(p.log.String(), "not taken") })
	if _, err := p.sh(t, c, "true"); err != nil {
		t.Errorf("the old policy does not hold: %v", err)
	}
	p.write(t, strings.Replace(shopRules, "app=shop", "app=bank", 1))
	testutil.Wait(t, "the new policy", limit, func() bool { return strings.Contains(p.log.String(), "the policy has changed") })
	if _, err := p.sh(t, c, "true"); !errors.Is(err, fault.Refused) {
		t.Errorf("%v, want fault.Refused", err)
	}
}

// authority is a CA of the test's, with an agent's files for 127.0.0.1.
type authority struct {
	*pki.CA
	dir   string
	files tlsid.Files
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	ca, err := pki.Init(filepath.Join(t.TempDir(), "ca"), pki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{CA: ca, dir: t.TempDir()}
	host, err := ca.IssueServer(nil, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	a.files = a.save(t, "agent", host)
	return a
}

// save writes what was issued, beside what either end needs.
func (a *authority) save(t *testing.T, name string, issued *pki.Issued) tlsid.Files {
	t.Helper()
	f := tlsid.Files{Cert: filepath.Join(a.dir, name+".crt"), Key: filepath.Join(a.dir, name+".key"), CA: a.CertFile(), CRL: a.ListFile()}
	if err := errors.Join(os.WriteFile(f.Cert, issued.Cert, 0o600), os.WriteFile(f.Key, issued.Key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return f
}

// user is a client of an agent with a new certificate.
func (a *authority) user(t *testing.T, tcp, name string) *client.Client {
	t.Helper()
	issued, err := a.IssueClient(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	address, err := client.ParseAddress(tcp)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Options{Address: client.WithFiles(address, a.save(t, name, issued)), Version: "test"})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// freePort is an address that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestCertificates: over TCP a certificate says who asks, whom the policy knows by it; another
// user's name does not make one root; who has none, or another CA's, does not get in; and one that
// is revoked ends what its user has under way.
func TestCertificates(t *testing.T) {
	a, tcp := newAuthority(t), freePort(t)
	rules := shopRules + strings.NewReplacer("debug the shop", "alice debugs", "users: [root]", `certificates: ["URI:dlx://user/alice"]`).Replace(shopRules)
	runAt(t, rules, tcp, a.files)
	c := paused(t, "shop")
	run := func(c2 *client.Client) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := c2.Debug(ctx, engine.DebugRequest{Target: c.ID, Command: []string{"true"}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
		return err
	}
	alice := a.user(t, tcp, "alice")
	if err := run(alice); err != nil {
		t.Errorf("alice: %v", err)
	}
	for _, name := range []string{"bob", "root"} {
		if err := run(a.user(t, tcp, name)); !errors.Is(err, fault.Refused) {
			t.Errorf("%s: %v, want fault.Refused", name, err)
		}
	}
	address, err := client.ParseAddress(tcp)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(client.New(client.Options{Address: address})); !errors.Is(err, fault.BadAgent) {
		t.Errorf("without a certificate: %v, want fault.BadAgent", err)
	}
	other := newAuthority(t)
	issued, err := other.IssueClient("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	files := other.save(t, "alice", issued)
	files.CA, files.CRL = a.CertFile(), "" // it trusts the agent, which does not trust it
	if err := run(client.New(client.Options{Address: client.WithFiles(address, files)})); err == nil || errors.Is(err, fault.Refused) {
		t.Errorf("another CA's: %v", err)
	}

	started, result := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := alice.Debug(context.Background(), engine.DebugRequest{Target: c.ID, Command: []string{"sleep", "1000"}},
			engine.Streams{Stdout: io.Discard, Stderr: io.Discard, Started: func() { close(started) }})
		result <- err
	}()
	<-started
	if _, err := a.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if err == nil {
			t.Error("the session of a revoked certificate ended as if nothing were wrong")
		}
	case <-time.After(limit):
		t.Error("a session goes on although its certificate was revoked")
	}
	if err := run(alice); err == nil {
		t.Error("a revoked certificate lets in")
	}
}

// TestHostileRequests: numbers that no command line would let through do no harm, and the agent
// serves on.
func TestHostileRequests(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	const huge = math.MaxInt64
	for _, req := range []engine.CaptureRequest{
		{RingSize: huge}, {RingSize: -huge}, {SnapLen: -huge}, {SnapLen: huge}, {Latency: -huge}, {Latency: huge}, {User: 1}, {Interface: strings.Repeat("x", 1<<20)},
		{Filter: strings.Repeat("(", 1<<20)}, {Labels: []string{""}}, {Targets: slices.Repeat([]string{c.ID}, 5000)},
	} {
		if req.Targets == nil {
			req.Targets = []string{c.ID}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := p.Capture(ctx, req, nowhere{})
		cancel()
		if errors.Is(err, fault.Cut) || errors.Is(err, fault.NoAgent) {
			t.Errorf("%.100v: %v", req, err)
		}
	}
	for _, req := range []engine.DebugRequest{
		{Memory: -huge}, {Memory: huge}, {Pids: -huge}, {Pids: huge}, {Timeout: -huge}, {Timeout: huge}, {Profile: "\x00"}, {User: strings.Repeat("1", 1<<16)},
		{Dir: "\x00"}, {Env: []string{"=", "\x00=1", "A=\x00"}}, {Term: strings.Repeat("x", 1<<20)}, {Devices: []string{"/dev/../etc/shadow"}},
		{Hold: engine.Hold{When: "on-exit", Limit: -huge}}, {Toolboxes: []engine.ToolboxRef{engine.ToolboxFile("/etc/shadow")}},
		{Toolboxes: []engine.ToolboxRef{engine.ToolboxName("../../etc/shadow")}}, {Command: []string{""}}, {Command: []string{"\x00"}},
	} {
		req.Target = c.ID
		if req.Command == nil {
			req.Command = []string{"true"}
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err := p.Debug(ctx, req, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
		cancel()
		if errors.Is(err, fault.Cut) || errors.Is(err, fault.NoAgent) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%.100v: %v", req, err)
		}
	}
	if out, err := p.sh(t, c, "echo still"); err != nil || out != "still\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestWitness: what is begun has been told to the witness, and nothing is begun without one that is
// needed.
func TestWitness(t *testing.T) {
	var told atomic.Int32
	away := errors.New("nobody is there")
	var gone atomic.Bool
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) {
		c.NeedWitness = true
		c.Witness = func(context.Context, []byte) error {
			if gone.Load() {
				return away
			}
			told.Add(1)
			return nil
		}
	})
	c := paused(t, "shop")
	before := told.Load()
	if _, err := p.sh(t, c, "true"); err != nil || told.Load() == before {
		t.Errorf("%v, told %d times", err, told.Load()-before)
	}
	gone.Store(true)
	if _, err := p.sh(t, c, "true"); !errors.Is(err, fault.NoRecord) {
		t.Errorf("without a witness: %v, want fault.NoRecord", err)
	}
}
