package agent_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlx/agent"
	"dlx/agent/captures"
	"dlx/agent/client"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/record/audit"
)

// detach begins a capture in a container, in which something happens then.
func detach(t *testing.T, c *client.Client, of *testutil.Container) captures.Info {
	t.Helper()
	i, err := c.DetachCapture(t.Context(), engine.CaptureRequest{Targets: []string{of.ID}, RingSize: 256 << 10}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// one is a capture as its owner has it listed.
func one(t *testing.T, c *client.Client, id string) (i captures.Info) {
	t.Helper()
	list, err := c.Captures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.ID == id {
			return i
		}
	}
	t.Fatalf("no capture %s in %+v", id, list)
	return i
}

// fetched is a capture's file, checked.
func fetched(t *testing.T, c *client.Client, id string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.FetchCapture(t.Context(), client.Fetch{ID: id, Sum: sha256.New(), To: &b}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDetachedRecorded: the record has a detached capture's begin before it is on, who fetches it,
// its end with the digest of its file, and who has ended it.
func TestDetachedRecorded(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	i := detach(t, p.Client, c)
	r := p.record(t)
	if len(r) != 1 || r[0].Kind != audit.KindBegin || r[0].ID != i.ID || r[0].Recording.Name != i.ID+".pcapng" || r[0].Reason != "a test" {
		t.Errorf("%+v", r)
	}
	if _, err := p.StopCapture(t.Context(), i.ID); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(fetched(t, p.Client, i.ID))
	r = p.record(t)
	e := r[len(r)-1]
	if e.Kind != audit.KindEnd || e.ID != i.ID || e.Text != "root has stopped it" || e.Recording.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", e)
	}
	var kinds []audit.Kind
	_, err := audit.Read(os.DirFS(filepath.Join(p.state, "audit")), audit.Filter{ID: i.ID}, func(e *audit.Entry) error {
		kinds = append(kinds, e.Kind)
		return nil
	})
	if want := []audit.Kind{audit.KindBegin, audit.KindEnd, audit.KindFetch}; err != nil || len(kinds) != 3 || kinds[2] != want[2] {
		t.Errorf("%q, %v; want %q", kinds, err, want)
	}
	if err := os.RemoveAll(filepath.Join(p.state, "audit")); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"fetched": second(p.FetchCapture(t.Context(), client.Fetch{ID: i.ID, Sum: sha256.New(), To: io.Discard})), "removed": p.RemoveCapture(t.Context(), i.ID),
	} {
		if !errors.Is(err, fault.NoRecord) {
			t.Errorf("%s without a record: %v, want fault.NoRecord", what, err)
		}
	}
}

func second(_ captures.Info, err error) error { return err }

// TestDetachedPolicy: a rule's limits hold for what goes on, and what it does not allow is not
// begun.
func TestDetachedPolicy(t *testing.T) {
	p := run(t, shopRules+"    limits: {time: 1s, sessions: 1, ring: 1m}\n")
	ours, theirs := paused(t, "shop"), paused(t, "bank")
	if _, err := p.DetachCapture(t.Context(), engine.CaptureRequest{Targets: []string{theirs.ID}, RingSize: 256 << 10}, 0); !errors.Is(err, fault.Refused) {
		t.Errorf("another container: %v, want fault.Refused", err)
	}
	if _, err := p.DetachCapture(t.Context(), engine.CaptureRequest{Targets: []string{ours.ID}}, 0); !errors.Is(err, fault.Refused) {
		t.Errorf("the usual ring: %v, want fault.Refused", err)
	}
	i := detach(t, p.Client, ours)
	if _, err := p.DetachCapture(t.Context(), engine.CaptureRequest{Targets: []string{ours.ID}, RingSize: 256 << 10}, 0); !errors.Is(err, fault.TooMany) {
		t.Errorf("a second one: %v, want fault.TooMany", err)
	}
	testutil.Wait(t, "the capture's end", limit, func() bool { i = one(t, p.Client, i.ID); return !i.Running() })
	if !strings.Contains(i.Why, "time is up that the policy allows") {
		t.Errorf("it ended because %s", i.Why)
	}
	if left, err := os.ReadDir(filepath.Join(p.state, "captures")); err != nil || len(left) != 2 {
		t.Errorf("there are %v, %v; want the two files of one capture", left, err)
	}
}

// TestDetachedNoRecord: captures that go on end when the record is gone.
func TestDetachedNoRecord(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	i := detach(t, p.Client, c)
	if err := os.RemoveAll(filepath.Join(p.state, "audit")); err != nil {
		t.Fatal(err)
	}
	_, _ = p.sh(t, c, "true") // which finds out
	testutil.Wait(t, "the capture's end", limit, func() bool { return !one(t, p.Client, i.ID).Ended.IsZero() })
}

// TestDetachedRecordsDisk: a disk that others fill ends captures, whole, and the agent and its
// record go on with what is left for them.
func TestDetachedRecordsDisk(t *testing.T) {
	disk := testutil.SmallDisk(t, "16m")
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) {
		c.State, c.Captures = filepath.Join(disk, "state"), captures.Limits{Free: 8 << 20}
	})
	p.state = filepath.Join(disk, "state")
	c := paused(t, "shop")
	i := detach(t, p.Client, c)
	if err := os.WriteFile(filepath.Join(disk, "others"), make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.sh(t, c, "for i in 1 2 3; do nc -w 1 127.0.0.1 9 </dev/null; done; true"); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "the capture's end", limit, func() bool { return !one(t, p.Client, i.ID).Ended.IsZero() })
	if i = one(t, p.Client, i.ID); !strings.Contains(i.Why, "the agent's disk has") || i.SHA256 == "" {
		t.Errorf("%+v", i)
	}
	_ = fetched(t, p.Client, i.ID)
	if _, err := p.DetachCapture(t.Context(), engine.CaptureRequest{Targets: []string{c.ID}}, 0); !errors.Is(err, fault.NoRoom) {
		t.Errorf("one more: %v, want fault.NoRoom", err)
	}
	if out, err := p.sh(t, c, "echo still"); err != nil || out != "still\n" {
		t.Errorf("a session: %q, %v", out, err)
	}
}

// TestDetachedRevoked: what is captured for somebody ends with their certificate, and is nobody
// else's.
func TestDetachedRevoked(t *testing.T) {
	a, tcp := newAuthority(t), freePort(t)
	rules := shopRules
	for _, name := range []string{"alice", "bob"} {
		rules += strings.NewReplacer("debug the shop", name+" debugs", "users: [root]", `certificates: ["URI:dlx://user/`+name+`"]`).Replace(shopRules)
	}
	p := runAt(t, rules, tcp, a.files)
	c := paused(t, "shop")
	alice, bob := a.user(t, tcp, "alice"), a.user(t, tcp, "bob")
	i, other := detach(t, alice, c), detach(t, bob, c)
	for name, foreign := range map[string]*client.Client{"bob": bob, "root": p.Client} {
		_, serr := foreign.StopCapture(t.Context(), i.ID)
		_, ferr := foreign.FetchCapture(t.Context(), client.Fetch{ID: i.ID, Sum: sha256.New(), To: io.Discard})
		if !errors.Is(serr, fault.NoCapture) || !errors.Is(ferr, fault.NoCapture) {
			t.Errorf("%s: %v, %v; want fault.NoCapture", name, serr, ferr)
		}
	}
	if _, err := a.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	p.write(t, rules+"  - allow: root looks after captures\n    who: {users: [root]}\n    verbs: [captures]\n")
	testutil.Wait(t, "the new policy", limit, func() bool { return strings.Contains(p.log.String(), "the policy has changed") })
	testutil.Wait(t, "the capture's end", limit, func() bool { return !one(t, p.Client, i.ID).Ended.IsZero() })
	if i = one(t, p.Client, i.ID); !strings.Contains(i.Why, "revoked") || i.User != "alice" {
		t.Errorf("%+v", i)
	}
	if got := one(t, p.Client, other.ID); !got.Running() {
		t.Errorf("bob's has ended: %s", got.Why)
	}
	if ended, err := p.StopCapture(t.Context(), other.ID); err != nil || ended.Why != "root has stopped it" {
		t.Errorf("%+v, %v", ended, err)
	}
}

// TestDetachedNextAgent: the next agent goes on with captures whose callers may have them still,
// and ends the others, each for its reason.
func TestDetachedNextAgent(t *testing.T) {
	a, tcp, state := newAuthority(t), freePort(t), filepath.Join(t.TempDir(), "state")
	at := func(c *agent.Config) { c.State = state }
	ids := map[string]string{}
	rules := func(users ...string) (text string) {
		for _, name := range users {
			who := `certificates: ["URI:dlx://user/` + name + `"]`
			if name == "root" {
				who = "users: [root]"
			}
			text += strings.NewReplacer("debug the shop", name+" debugs", "users: [root]", who).Replace(shopRules)
		}
		return text
	}
	c := paused(t, "shop")
	users := map[string]*client.Client{}
	for _, name := range []string{"alice", "bob", "carol"} {
		users[name] = a.user(t, tcp, name)
	}
	t.Run("first", func(t *testing.T) {
		p := runAt(t, rules("root", "alice", "bob", "carol"), tcp, a.files, at)
		for name, user := range users {
			ids[name] = detach(t, user, c).ID
		}
		ids["root"] = detach(t, p.Client, c).ID
	})
	if _, err := a.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	t.Run("second", func(t *testing.T) {
		p := runAt(t, rules("bob", "carol")+"  - allow: root looks after captures\n    who: {users: [root]}\n    verbs: [captures]\n", tcp, a.files, at)
		for name, why := range map[string]string{"alice": "revoked", "root": "is refused: by default"} {
			var i captures.Info
			testutil.Wait(t, "the end of the capture of "+name, limit, func() bool { i = one(t, p.Client, ids[name]); return !i.Running() })
			if !strings.Contains(i.Why, why) {
				t.Errorf("%s: it ended because %s", name, i.Why)
			}
		}
		for _, name := range []string{"bob", "carol"} {
			testutil.Wait(t, "the capture of "+name, limit, func() bool {
				i := one(t, users[name], ids[name])
				return i.Running() && len(i.Gaps) == 1 && !i.Gaps[0].To.IsZero()
			})
			if sections := bytes.Count(fetched(t, users[name], ids[name]), []byte("the agent was stopped: nothing was captured from")); sections > 1 {
				t.Errorf("%s: %d gaps are told", name, sections)
			}
		}
	})
	if r, err := audit.Verify(os.DirFS(filepath.Join(state, "audit")), audit.VerifyOptions{}); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}
