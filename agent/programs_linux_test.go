package agent_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlx/agent"
	"dlx/agent/tlsid"
	"dlx/engine"
	"dlx/fault"
	"dlx/record/audit"
)

// ran is what the record says was started in its last session.
func (p *place) ran(t *testing.T) (list []audit.Program, begin, end audit.Entry) {
	t.Helper()
	_, err := audit.Read(os.DirFS(filepath.Join(p.state, "audit")), audit.Filter{}, func(e *audit.Entry) error {
		switch e.Kind {
		case audit.KindBegin:
			begin, list = *e, nil
		case audit.KindRan:
			if e.ID != begin.ID {
				t.Errorf("%+v", e)
			}
			list = append(list, e.Ran.Programs...)
		case audit.KindEnd:
			end = *e
			list = append(list, e.Ran.Programs...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, begin, end
}

// TestPrograms: what a session starts is recorded before its end is, dlx's own first program left
// out, and what it leaves behind too.
func TestPrograms(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	if _, err := p.sh(t, c, "busybox true one; (setsid busybox sleep 1000 &) ; busybox true two"); err != nil {
		t.Fatal(err)
	}
	list, begin, end := p.ran(t)
	if end.ID != begin.ID || end.Ran == nil || end.Ran.Unknown != "" || end.Ran.Lost != 0 || end.Ran.Started != uint64(len(list)) || begin.Ran != nil {
		t.Errorf("%+v of %d programs", end.Ran, len(list))
	}
	var got []string
	for _, one := range list {
		got = append(got, strings.Join(one.Args, " "))
		if one.UID != 0 || one.PID == 0 || one.Path == "" {
			t.Errorf("%+v", one)
		}
	}
	for _, want := range []string{"busybox true one", "busybox sleep 1000", "busybox true two"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if !strings.HasPrefix(got[0], "sh -c busybox true one;") {
		t.Errorf("first: %q", got[0])
	}
}

// TestProgramsUser: who runs a program is the kernel's word.
func TestProgramsUser(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	code, err := p.Debug(t.Context(), engine.DebugRequest{Target: c.ID, User: "1234:4321", Command: []string{"busybox", "true"}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
	if code != 0 || err != nil {
		t.Fatalf("status %d, %v", code, err)
	}
	list, _, _ := p.ran(t)
	if len(list) != 1 || list[0].UID != 1234 || list[0].GID != 4321 || list[0].EUID != nil || list[0].Status == nil || list[0].Exit == nil || *list[0].Exit != 0 {
		t.Errorf("%+v", list)
	}
}

// TestNeedPrograms: where a session that starts more than is recorded ends, it does, and the record
// says how much it was.
func TestNeedPrograms(t *testing.T) {
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) { c.NeedPrograms = true })
	c := paused(t, "shop")
	if _, err := p.sh(t, c, "busybox true"); err != nil {
		t.Error(err)
	}
	_, err := p.Debug(t.Context(), engine.DebugRequest{Target: c.ID, Command: []string{
		"sh", "-c", `x=$(head -c 3000 /dev/zero | tr '\0' x); while :; do busybox true $x; done`,
	}}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
	if !errors.Is(err, fault.NoRecord) {
		t.Errorf("%v, want fault.NoRecord", err)
	}
	list, _, end := p.ran(t)
	if end.Ran == nil || end.Ran.LeftOut+end.Ran.Lost == 0 || end.Ran.Started != uint64(len(list))+end.Ran.LeftOut+end.Ran.Lost {
		t.Errorf("%+v of %d programs", end.Ran, len(list))
	}
}

// TestUntold: where the kernel does not tell of programs, the agent's log and each session's record
// say so; none begins if they are needed, which is recorded.
func TestUntold(t *testing.T) {
	why := errors.New("no such kernel")
	p := runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) { c.Untold(why) })
	c := paused(t, "shop")
	if _, err := p.sh(t, c, "busybox true"); err != nil {
		t.Error(err)
	}
	list, begin, end := p.ran(t)
	if len(list) > 0 || begin.Ran == nil || begin.Ran.Unknown != why.Error() || end.Ran == nil || end.Ran.Unknown != why.Error() {
		t.Errorf("%+v, %+v of %d programs", begin.Ran, end.Ran, len(list))
	}
	if !strings.Contains(p.log.String(), why.Error()) {
		t.Errorf("the log: %s", p.log)
	}

	p = runAt(t, shopRules, "", tlsid.Files{}, func(c *agent.Config) { c.Untold(why); c.NeedPrograms = true })
	if _, err := p.sh(t, c, "busybox true"); !errors.Is(err, fault.NoRecord) {
		t.Errorf("%v, want fault.NoRecord", err)
	}
	if all := p.record(t); len(all) != 1 || all[0].Kind != audit.KindRefused || !strings.Contains(all[0].Outcome.Error, why.Error()) {
		t.Errorf("%+v", all)
	}
	if _, err := p.Interfaces(t.Context(), c.ID); err != nil {
		t.Errorf("what starts nothing: %v", err)
	}
}
