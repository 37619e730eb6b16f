package policy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/engine"
	"dlx/shell"
	"dlx/target"
)

// dice makes rules and operations that often meet.
type dice struct{ *rand.Rand }

func (d dice) of(words ...string) string { return words[d.IntN(len(words))] }

// some is a list of some of the words, at least one.
func (d dice) some(words ...string) string {
	list := words[:0:0]
	for _, w := range words {
		if d.IntN(2) == 0 {
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		list = append(list, d.of(words...))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (d dice) target() string {
	keys := []string{
		"name: " + d.of("web", "db", `"*"`, `"w*"`), "image: " + d.of(`"nginx:*"`, "redis"), "labels: " + d.some("team=shop", "env", `"env=p*"`),
		"runtime: " + d.of("docker", "podman"), "owner: " + d.of("root", "root", "self", "1000"), "host: " + d.some("net", "pid"), "subject: " + d.of("container", "stopped", "image"),
	}
	d.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	if d.IntN(8) == 0 {
		return "{subject: " + d.of("process", "netns") + "}"
	}
	return "{" + strings.Join(keys[:1+d.IntN(3)], ", ") + "}"
}

// rule is an allow or a deny rule.
func (d dice) rule(kind string, n int) string {
	lines := []string{
		"who: " + d.of("{users: [alice]}", `{users: ["*"]}`, "{groups: [oncall]}", `{certificates: ["DNS:*.ops.example.com"]}`),
		"verbs: " + d.some("debug", "capture", "list", "inject", "hold"), "targets: [" + d.target() + ", " + d.target() + "]",
		"profiles: " + d.some("general", "sysadmin"), "fs: " + d.some("toolbox", "host"), "users: " + d.some(`"*"`, "0", "1000"),
	}
	extra := []string{"devices: " + d.some("/dev/fuse", `"/dev/sd?"`), "toolboxes: [{key: team}]", "privileged: " + d.of("true", "false")}
	if kind == "allow" {
		lines[1] = strings.Replace(lines[1], "[", "[debug, inject, ", 1)
		extra = append(extra, "limits: {time: 1h}", "reason: required")
	}
	if lines[1] = strings.ReplaceAll(lines[1], "debug, inject, debug", "debug, inject"); strings.Count(lines[1], "inject") > 1 {
		lines[1] = strings.Replace(lines[1], ", inject", "", 1)
	}
	if kind == "deny" {
		lines[1] = "verbs: [debug, inject]"
	}
	for _, line := range extra {
		if d.IntN(2) == 0 {
			lines = append(lines, line)
		}
	}
	if kind == "deny" {
		d.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		lines = lines[:1+d.IntN(4)]
	}
	return fmt.Sprintf("  - %s: rule %d\n", kind, n) + indented(lines)
}

func indented(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// asked is an operation, and who asks.
func (d dice) asked() (identity.Caller, policy.Ask) {
	a := of(engine.Verb(d.of("capture", "list", "inject", "hold")), nil)
	if d.IntN(2) == 0 {
		a = session(func(s *engine.Grant) {
			s.Restraints.Profile, s.FS = d.of("general", "sysadmin"), engine.FS(d.of("toolbox", "host"))
			s.User, s.Restraints.Privileged = shell.User{UID: uint32(1000 * d.IntN(2))}, d.IntN(4) == 0
			s.Timeout = time.Duration(d.IntN(2)) * 2 * time.Hour
			if d.IntN(3) == 0 {
				s.Devices = []string{d.of("/dev/fuse", "/dev/sda")}
			}
		})
	}
	op := &a.Operation
	op.Target.Name, op.Target.Image, op.Target.Owner = d.of("web", "web", "web", "db", "\x1b"), d.of("nginx:1", "nginx:1", "redis"), 1000*(d.IntN(4)/3)
	op.Target.Runtime = d.of("docker", "docker", "docker", "docker", "podman", "")
	if d.IntN(6) == 0 {
		op.Process.Namespaces["net"] = 2
	}
	switch d.IntN(6) {
	case 0:
		process(op)
	case 1:
		op.Target.Labels = nil
	}
	a.Reason = d.of("", "why", "why")
	who := []identity.Caller{alice, alice, bob, {Known: identity.PeerCredentials, UID: 1000}, {}}[d.IntN(5)]
	return who, a
}

// TestProperties: a rule more that denies, or a rule less that allows, never allows more, wherever
// it stands; the order of the rules decides nothing; what no rule allows is denied.
func TestProperties(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(1, 2))}
	allowed, denied, fewer := 0, 0, 0
	for range 5000 {
		rules := []string{}
		for n := range 1 + d.IntN(5) {
			rules = append(rules, d.rule(d.of("allow", "allow", "deny"), n))
		}
		who, a := d.asked()
		whole := parse(t, strings.Join(rules, "")).Decide(who, a)
		at := d.IntN(len(rules))
		more := parse(t, strings.Join(rules[:at], "")+strings.Join(strings.SplitAfter(d.rule("deny", 99), "\n")[:2], "")+strings.Join(rules[at:], "")).Decide(who, a)
		less := policy.Decision{}
		if left := strings.Join(rules[:at], "") + strings.Join(rules[at+1:], ""); left != "" && strings.Contains(rules[at], "allow:") {
			less = parse(t, left).Decide(who, a)
		}
		shuffled := append([]string(nil), rules...)
		d.Shuffle(len(rules), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other := parse(t, strings.Join(shuffled, "")).Decide(who, a)
		if more.Allowed && !whole.Allowed || less.Allowed && !whole.Allowed || other.Allowed != whole.Allowed {
			t.Fatalf("%+v, with a deny rule %+v, without an allow rule %+v, in another order %+v:\n%s", whole, more, less, other, strings.Join(rules, ""))
		}
		if whole.Allowed && (whole.Line == 0 || !strings.Contains(strings.Join(rules, ""), "allow: "+whole.Rule+"\n")) {
			t.Fatalf("%+v is no rule's", whole)
		}
		if whole.Allowed {
			allowed++
		}
		if whole.Rule != "" && !whole.Allowed {
			denied++
		}
		if whole.Allowed && !more.Allowed {
			fewer++
		}
	}
	if allowed < 100 || denied < 100 || fewer < 20 {
		t.Errorf("only %d were allowed, %d denied by a rule, %d by one more", allowed, denied, fewer)
	}
}

// TestLackIsRefused: each fact that an operation leaves out makes it no better.
func TestLackIsRefused(t *testing.T) {
	rules := open("who: {users: [alice]}", "targets: [{runtime: docker, name: web, image: 'nginx:*', labels: [team=shop]}]", "toolboxes: [{key: team}]", "limits: {memory: 1g, pids: 512}")
	p := parse(t, rules)
	if d := p.Decide(alice, ask(withBox("net", "team"))); !d.Allowed {
		t.Fatal(d)
	}
	for name, drop := range map[string]func(op *engine.Operation){
		"verb": func(op *engine.Operation) { op.Verb = "" }, "subject": func(op *engine.Operation) { op.Subject = "" },
		"target": func(op *engine.Operation) { op.Target = target.Info{} }, "runtime": func(op *engine.Operation) { op.Target.Runtime = "" },
		"name": func(op *engine.Operation) { op.Target.Name = "" }, "image": func(op *engine.Operation) { op.Target.Image = "" },
		"labels": func(op *engine.Operation) { op.Target.Labels = nil }, "process": func(op *engine.Operation) { op.Process = nil },
		"namespaces": func(op *engine.Operation) { op.Process.Namespaces = nil }, "session": func(op *engine.Operation) { op.Session = nil },
		"grant": func(op *engine.Operation) { op.Session = &engine.Grant{} }, "profile": func(op *engine.Operation) { op.Session.Restraints.Profile = "" },
		"fs": func(op *engine.Operation) { op.Session.FS = "" }, "memory": func(op *engine.Operation) { op.Session.Memory = 0 },
		"pids": func(op *engine.Operation) { op.Session.Pids = 0 }, "key": func(op *engine.Operation) { op.Toolboxes[1].Key = "" },
	} {
		a := ask(withBox("net", "team"))
		drop(&a.Operation)
		if d := p.Decide(alice, a); d.Allowed {
			t.Errorf("without its %s: %+v", name, d)
		}
	}
	if d := p.Decide(identity.Caller{}, ask(nil)); d.Allowed {
		t.Errorf("nobody: %+v", d)
	}
}
