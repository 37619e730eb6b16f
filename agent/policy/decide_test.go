package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/engine"
	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// open is an allow rule without what a test is about, which it replaces by its own lines.
func open(lines ...string) string {
	all := []string{
		"who: {users: [alice]}", "verbs: [debug, capture, interfaces, inject, eject, hold, list]", `targets: [{name: "*"}]`,
		"profiles: [general]", "fs: [toolbox]", "users: [0]",
	}
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		all = append(deleteKey(all, key), line)
	}
	return "  - allow: it\n    " + strings.Join(all, "\n    ") + "\n"
}

func deleteKey(lines []string, key string) (left []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, key+":") {
			left = append(left, l)
		}
	}
	return left
}

func session(change func(s *engine.Grant)) policy.Ask {
	return ask(func(op *engine.Operation) { change(op.Session) })
}

// TestAllow: an allow rule allows what it says, and nothing beside.
func TestAllow(t *testing.T) {
	for name, tt := range map[string]struct {
		rule string
		who  identity.Caller
		ask  policy.Ask
		want string // why not, in part; "": it is allowed
	}{
		"whole":               {open(), alice, ask(nil), ""},
		"another user":        {open("who: {users: [bob]}"), alice, ask(nil), "no rule of p.yaml allows alice"},
		"number":              {open("who: {users: [1000]}"), alice, ask(nil), ""},
		"another number":      {open("who: {users: [0]}"), alice, ask(nil), "allows alice"},
		"everybody":           {open(`who: {users: ["*"]}`), alice, ask(nil), ""},
		"no certificate":      {open(`who: {users: ["*"]}`), bob, ask(nil), "allows DNS:bob"},
		"no name":             {open("who: {users: [alice]}"), identity.Caller{Known: identity.PeerCredentials, UID: 1000}, ask(nil), "allows uid 1000"},
		"group":               {open("who: {groups: [oncall]}"), alice, ask(nil), ""},
		"group's number":      {open("who: {groups: [50]}"), alice, ask(nil), ""},
		"another group":       {open("who: {groups: [wheel]}"), alice, ask(nil), "allows alice"},
		"DNS":                 {open(`who: {certificates: ["DNS:*.OPS.example.com"]}`), bob, ask(nil), ""},
		"one label of a name": {open(`who: {certificates: ["DNS:*.example.com"]}`), bob, ask(nil), "allows DNS:bob"},
		"URI":                 {open(`who: {certificates: ["URI:spiffe://example.com/oncall/*"]}`), bob, ask(nil), ""},
		"email":               {open(`who: {certificates: ["email:*@example.com"]}`), bob, ask(nil), ""},
		"kind of name":        {open(`who: {certificates: ["URI:bob.ops.example.com"]}`), bob, ask(nil), "allows DNS:bob"},
		"NUL in a name": {
			open(`who: {certificates: ["DNS:*.example.com"]}`), identity.Caller{Known: identity.Certificate, SANs: []string{"DNS:x\x00evil.example.com"}}, ask(nil), "by default",
		},
		"user of a certificate": {open(), identity.Caller{Known: identity.Certificate, UID: 1000, User: "alice"}, ask(nil), "by default"},
		"nobody":                {open(`who: {users: ["*"]}`), identity.Caller{UID: 1000, User: "alice"}, ask(nil), "nobody knows who asks"},

		"verb":         {open("verbs: [debug]"), alice, of(engine.VerbCapture, nil), "verb capture is not in it"},
		"unknown verb": {open(), alice, of("exec", nil), "no verb exec"},
		"list":         {open(), alice, of(policy.VerbList, nil), ""},
		"hold":         {open(), alice, of(engine.VerbHold, func(op *engine.Operation) { op.Process = nil }), ""},

		"name":            {open("targets: [{name: web}]"), alice, ask(nil), ""},
		"another name":    {open("targets: [{name: db}, {name: we}]"), alice, ask(nil), "the name is not db"},
		"image":           {open(`targets: [{image: "nginx:*"}]`), alice, ask(nil), ""},
		"another image":   {open("targets: [{image: nginx}]"), alice, ask(nil), "the image is not nginx"},
		"labels":          {open(`targets: [{labels: [team=sh*, env]}]`), alice, ask(nil), ""},
		"all labels":      {open(`targets: [{labels: [team=shop, tier]}]`), alice, ask(nil), "it has not all of the labels"},
		"label's value":   {open(`targets: [{labels: [team=sho]}]`), alice, ask(nil), "it has not all of the labels"},
		"runtime":         {open("targets: [{runtime: podman}]"), alice, ask(nil), "it is for podman"},
		"odd name":        {open(), alice, ask(func(op *engine.Operation) { op.Target.Name = "web\x1b" }), "the name is not *"},
		"odd name, whole": {open(`targets: [{name: "web\x1b"}]`), alice, ask(func(op *engine.Operation) { op.Target.Name = "web\x1b" }), ""},
		"no name there":   {open(), alice, ask(func(op *engine.Operation) { op.Target.Name = "\x00" }), "the name is not *"},
		"no runtime":      {open(), alice, of(engine.VerbEject, func(op *engine.Operation) { op.Target = target.Info{ID: "1", Name: "web"} }), "the owner is not known"},

		"another's runtime": {open(), alice, ask(func(op *engine.Operation) { op.Target.Owner = 1000 }), "the owner is user 1000"},
		"own":               {open("targets: [{owner: self}]"), alice, ask(func(op *engine.Operation) { op.Target.Owner = 1000 }), ""},
		"not own":           {open("targets: [{owner: self}]"), alice, ask(func(op *engine.Operation) { op.Target.Owner = 1001 }), "the owner is user 1001"},
		"root's, not own":   {open("targets: [{owner: self}]"), alice, ask(nil), "the owner is root"},
		"root's own":        {open("who: {users: [root]}", "targets: [{owner: self}]"), identity.Caller{Known: identity.PeerCredentials, User: "root"}, ask(nil), "the owner is root"},
		"own of a certificate": {
			open(`who: {certificates: ["DNS:*.*.*.*"]}`, "targets: [{owner: self}]"), bob, ask(nil), "the owner is root",
		},
		"a user's": {open("targets: [{owner: 1001}]"), alice, ask(func(op *engine.Operation) { op.Target.Owner = 1001 }), ""},

		"process":            {open(), alice, ask(process), "that is a process"},
		"process, said":      {open("targets: [{subject: process}]"), alice, ask(process), ""},
		"network":            {open(), alice, of(engine.VerbCapture, network), "that is a netns"},
		"network, said":      {open("targets: [{subject: netns, name: blue}]"), alice, of(engine.VerbCapture, network), ""},
		"network's path":     {open("targets: [{subject: netns, name: /run/netns/*}]"), alice, of(engine.VerbCapture, network), ""},
		"the host's network": {open("targets: [{subject: netns}]"), alice, of(engine.VerbCapture, func(op *engine.Operation) { network(op); op.Process.Namespaces["net"] = 2 }), "the host's net namespace"},
		"image's files":      {open(), alice, ask(image), "that is a image"},
		"image, said":        {open("targets: [{subject: image, image: 'nginx:*'}]"), alice, ask(image), ""},
		"image's digest":     {open("targets: [{subject: image, image: 'sha256:abcd'}]"), alice, ask(image), ""},
		"no subject":         {open(), alice, ask(func(op *engine.Operation) { op.Subject = "" }), "nobody says what the target is"},

		"host's network":     {open(), alice, ask(func(op *engine.Operation) { op.Process.Namespaces["net"] = 2 }), "the host's net namespace"},
		"host's, said":       {open("targets: [{name: web, host: [net]}]"), alice, ask(func(op *engine.Operation) { op.Process.Namespaces["net"] = 2 }), ""},
		"another, said":      {open("targets: [{name: web, host: [net]}]"), alice, ask(func(op *engine.Operation) { op.Process.Namespaces["pid"] = 3 }), "the host's pid namespace"},
		"namespaces unknown": {open(), alice, ask(func(op *engine.Operation) { delete(op.Process.Namespaces, "uts") }), "the host's uts namespace"},
		"host unknown":       {open(), alice, policy.Ask{Operation: ask(nil).Operation}, "the host's mnt namespace"},

		"profile":      {open(), alice, session(func(s *engine.Grant) { s.Restraints.Profile = "sysadmin" }), "p.yaml:7: rule \"it\": profile sysadmin is not in profiles"},
		"no profile":   {open(), alice, session(func(s *engine.Grant) { s.Restraints.Profile = "" }), "is not in profiles"},
		"fs":           {open(), alice, session(func(s *engine.Grant) { s.FS = engine.FSHost }), "file system host is not in fs"},
		"user":         {open("users: [1000]"), alice, ask(nil), "user 0:0 of the container is not in users"},
		"any user":     {open(`users: ["*"]`), alice, session(func(s *engine.Grant) { s.User = shell.User{UID: 7} }), ""},
		"group of it":  {open(`users: ["1000:1000"]`), alice, session(func(s *engine.Grant) { s.User = shell.User{UID: 1000, GID: 1000, Groups: []uint32{1000}} }), ""},
		"other group":  {open(`users: ["1000:1000"]`), alice, session(func(s *engine.Grant) { s.User = shell.User{UID: 1000} }), "user 1000:0"},
		"other groups": {open(`users: ["1000:1000"]`), alice, session(func(s *engine.Grant) { s.User = shell.User{UID: 1000, GID: 1000, Groups: []uint32{0}} }), "not in users"},

		"device":          {open(), alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/fuse"} }), "device /dev/fuse is not in devices"},
		"device, said":    {open("devices: [/dev/fuse]"), alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/fuse:r", "/dev/../dev/fuse"} }), ""},
		"device's access": {open("devices: ['/dev/sd?:r']"), alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/sda"} }), "is not in devices"},
		"no access":       {open("devices: ['/dev/sd?:r']"), alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/sda:"} }), "is not in devices"},
		"device below":    {open("devices: ['/dev/*']"), alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/mapper/x"} }), "is not in devices"},

		"toolbox":           {open(), alice, ask(withBox("net", "team")), "toolbox net, signed by team, is not in toolboxes"},
		"toolbox, said":     {open("toolboxes: [{name: net, key: team}]"), alice, of(engine.VerbInject, withBox("net", "team")), ""},
		"toolbox's key":     {open("toolboxes: [{name: net, key: team}]"), alice, ask(withBox("net", "other")), "is not in toolboxes"},
		"anything of a key": {open("toolboxes: [{key: team}]"), alice, ask(withBox("x", "team")), ""},

		"privileged":       {open(), alice, session(func(s *engine.Grant) { s.Restraints.Privileged = true }), "the container is privileged"},
		"privileged, said": {open("privileged: true"), alice, session(func(s *engine.Grant) { s.Restraints.Privileged = true }), ""},

		"filter":        {open("filter: required"), alice, of(engine.VerbCapture, nil), ""},
		"no filter":     {open("filter: required"), alice, of(engine.VerbCapture, func(op *engine.Operation) { op.Capture.Filter = " " }), "a filter is required"},
		"reason":        {open("reason: required"), alice, ask(nil), ""},
		"list, unasked": {open("reason: required"), alice, policy.Ask{Operation: of(policy.VerbList, nil).Operation, Host: hosts}, ""},
		"blank reason":  {open("reason: required"), alice, policy.Ask{Operation: ask(nil).Operation, Host: hosts, Reason: "\t"}, "a reason is required"},

		"time":         {open("limits: {time: 1h}"), alice, session(func(s *engine.Grant) { s.Timeout = 2 * time.Hour }), "it takes 2h, and the limit of time is 1h"},
		"time enough":  {open("limits: {time: 1h}"), alice, session(func(s *engine.Grant) { s.Timeout = time.Hour }), ""},
		"long hold":    {open("limits: {time: 1h}"), alice, of(engine.VerbHold, func(op *engine.Operation) { op.Hold.Limit = 2 * time.Hour }), "it holds the container for 2h"},
		"endless hold": {open("limits: {time: 1h}"), alice, of(engine.VerbHold, func(op *engine.Operation) { op.Hold.Limit = 0 }), "it holds"},
		"memory":       {open("limits: {memory: 512m}"), alice, ask(nil), "it may take 1GiB of memory, and the limit is 512MiB"},
		"all memory":   {open("limits: {memory: 512m}"), alice, session(func(s *engine.Grant) { s.Memory = 0 }), "of memory"},
		"pids":         {open("limits: {pids: 100}"), alice, ask(nil), "it may have 512 processes"},
		"unlimited":    {open("limits: {memory: 2g}"), alice, session(func(s *engine.Grant) { s.Restraints.Unlimited = true }), "nothing keeps the session"},

		"session untold":           {open(), alice, ask(func(op *engine.Operation) { op.Session = nil }), "no whole debug"},
		"process untold":           {open(), alice, ask(func(op *engine.Operation) { op.Process = nil }), "no whole debug"},
		"capture untold":           {open(), alice, of(engine.VerbCapture, func(op *engine.Operation) { op.Capture = nil }), "no whole capture"},
		"interfaces of no process": {open(), alice, of(engine.VerbInterfaces, func(op *engine.Operation) { op.Process = nil }), "no whole interfaces"},
		"inject of nothing":        {open(), alice, of(engine.VerbInject, func(op *engine.Operation) { op.Toolboxes = nil }), "no whole inject"},
		"hold untold":              {open(), alice, of(engine.VerbHold, func(op *engine.Operation) { op.Hold = nil }), "no whole hold"},
		"session of a list":        {open(), alice, ask(func(op *engine.Operation) { op.Verb = policy.VerbList }), "no whole list"},

		"own verb":         {"  - allow: it\n    who: {users: [alice]}\n    verbs: [sessions, audit]\n", alice, of(policy.VerbSessions, nil), ""},
		"own verb, unsaid": {open(), alice, of(policy.VerbSessions, nil), "allows alice the sessions; nearest"},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, tt.rule).Decide(tt.who, tt.ask)
			switch {
			case d.Allowed != (tt.want == "") || !strings.Contains(d.Why, tt.want):
				t.Errorf("%+v, want %q", d, tt.want)
			case d.Allowed && (d.Line != 3 || d.Rule != "it" || !strings.HasPrefix(d.Why, `p.yaml:3: rule "it" allows `)):
				t.Errorf("%+v", d)
			}
		})
	}
}

func withBox(name, key string) func(*engine.Operation) {
	return func(op *engine.Operation) { op.Toolboxes = append(op.Toolboxes, toolbox.Part{Name: name, Key: key}) }
}

// TestDeny: a deny rule denies what it says, and what it may mean.
func TestDeny(t *testing.T) {
	everything := open("who: {users: ['*'], certificates: ['DNS:*.*.*.*']}", "targets: [{name: '*', host: [net]}, {subject: process}, {subject: netns}, {subject: image}, {owner: self}]",
		"profiles: [general, sysadmin]", "fs: [toolbox, host]", "users: ['*']", "devices: ['/dev/*']", "toolboxes: [{name: '*'}]", "privileged: true")
	other := "  - allow: other\n    who: {users: [alice]}\n    verbs: [audit]\n"
	for name, tt := range map[string]struct {
		rule string // its conditions
		who  identity.Caller
		ask  policy.Ask
		want bool
	}{
		"all":             {"", alice, ask(nil), true},
		"all, own verbs":  {"", alice, of(policy.VerbAudit, nil), true},
		"who":             {"who: {users: [alice]}", alice, ask(nil), true},
		"another":         {"who: {users: [bob]}", alice, ask(nil), false},
		"unknown name":    {"who: {users: [alice]}", identity.Caller{Known: identity.PeerCredentials, UID: 5}, ask(nil), true},
		"known number":    {"who: {users: [6]}", identity.Caller{Known: identity.PeerCredentials, UID: 5}, ask(nil), false},
		"unknown group":   {"who: {groups: [wheel]}", identity.Caller{Known: identity.PeerCredentials, UID: 5, Groups: []identity.Group{{ID: 3}}}, ask(nil), true},
		"other group":     {"who: {groups: [wheel]}", alice, ask(nil), false},
		"certificate":     {"who: {certificates: ['DNS:bob.ops.example.com']}", bob, ask(nil), true},
		"verb":            {"verbs: [debug]", alice, ask(nil), true},
		"other verb":      {"verbs: [capture]", alice, ask(nil), false},
		"label":           {"targets: [{labels: [env=prod]}]", alice, ask(nil), true},
		"other label":     {"targets: [{labels: [env=test]}]", alice, ask(nil), false},
		"of a process":    {"targets: [{labels: [env=prod]}]", alice, ask(process), true},
		"of a network":    {"targets: [{name: db}]", alice, of(engine.VerbCapture, network), true},
		"network":         {"targets: [{subject: netns, name: green}]", alice, of(engine.VerbCapture, network), false},
		"of an own verb":  {"targets: [{name: '*'}]", alice, of(policy.VerbAudit, nil), false},
		"of what is gone": {"targets: [{runtime: podman}]", alice, of(engine.VerbEject, func(op *engine.Operation) { op.Target = target.Info{ID: "1", Name: "web"} }), true},
		"name":            {"targets: [{name: 'w*'}]", alice, ask(nil), true},
		"odd name":        {"targets: [{name: 'w*'}]", alice, ask(func(op *engine.Operation) { op.Target.Name = "w\x1b" }), true},
		"other name":      {"targets: [{name: db}]", alice, ask(nil), false},
		"image":           {"targets: [{image: 'nginx*'}]", alice, ask(nil), true},
		"image by digest": {"targets: [{image: 'nginx*'}]", alice, ask(func(op *engine.Operation) { image(op); op.Target.Name, op.Target.Image = "sha256:abcd", "sha256:abcd" }), true},
		"no image told":   {"targets: [{image: 'nginx*'}]", alice, ask(func(op *engine.Operation) { op.Target.Image = "" }), true},
		"other image":     {"targets: [{image: redis}]", alice, ask(nil), false},
		"runtime":         {"targets: [{runtime: podman}]", alice, ask(nil), false},
		"owner":           {"targets: [{owner: root}]", alice, ask(nil), true},
		"no owner said":   {"targets: [{name: web}]", alice, ask(func(op *engine.Operation) { op.Target.Owner = 1000 }), true},
		"host":            {"targets: [{host: [net]}]", alice, ask(func(op *engine.Operation) { op.Process.Namespaces["net"] = 2 }), true},
		"host unknown":    {"targets: [{host: [net]}]", alice, ask(func(op *engine.Operation) { delete(op.Process.Namespaces, "net") }), true},
		"not the host's":  {"targets: [{host: [net]}]", alice, ask(nil), false},
		"profile":         {"profiles: [sysadmin]", alice, session(func(s *engine.Grant) { s.Restraints.Profile = "sysadmin" }), true},
		"other profile":   {"profiles: [sysadmin]", alice, ask(nil), false},
		"of no session":   {"profiles: [sysadmin]", alice, of(engine.VerbCapture, nil), false},
		"fs":              {"fs: [host]", alice, session(func(s *engine.Grant) { s.FS = engine.FSHost }), true},
		"user":            {"users: [0]", alice, ask(nil), true},
		"user's group":    {"users: ['7:0']", alice, session(func(s *engine.Grant) { s.User = shell.User{UID: 7, GID: 7, Groups: []uint32{0}} }), true},
		"device":          {"devices: ['/dev/sd?:w']", alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/null", "/dev/sda"} }), true},
		"device, to read": {"devices: ['/dev/sd?:w']", alice, session(func(s *engine.Grant) { s.Devices = []string{"/dev/sda:r"} }), false},
		"toolbox":         {"toolboxes: [{key: lab}]", alice, ask(withBox("x", "lab")), true},
		"other toolbox":   {"toolboxes: [{key: lab}]", alice, ask(withBox("x", "team")), false},
		"privileged":      {"privileged: true", alice, session(func(s *engine.Grant) { s.Restraints.Privileged = true }), true},
		"not privileged":  {"privileged: true", alice, ask(nil), false},
		"all of its keys": {"who: {users: [alice]}\n    verbs: [capture]", alice, ask(nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			rule := "  - deny: no\n    " + tt.rule + "\n"
			for _, order := range []string{everything + other + rule, rule + other + everything} {
				if !parse(t, everything+other).Decide(tt.who, tt.ask).Allowed && !strings.Contains(name, "known") && !strings.Contains(name, "odd") && !strings.Contains(name, "gone") {
					t.Errorf("denied without the rule: %+v", parse(t, everything+other).Decide(tt.who, tt.ask))
				}
				d := parse(t, order).Decide(tt.who, tt.ask)
				if denies := d.Rule == "no"; denies != tt.want || denies && d.Allowed {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}

// TestFirst: of rules that allow, the first one's limits hold; one that is too narrow is no bar.
func TestFirst(t *testing.T) {
	narrow, wide := open("limits: {time: 1h, sessions: 2}"), strings.Replace(open("limits: {time: 8h, ring: 64m}"), "it", "wide", 1)
	p := parse(t, narrow+wide)
	for asked, want := range map[time.Duration]string{0: "time 1h, sessions 2", time.Hour: "time 1h, sessions 2", 2 * time.Hour: "time 8h, ring 64MiB", 9 * time.Hour: ""} {
		d := p.Decide(alice, session(func(s *engine.Grant) { s.Timeout = asked }))
		if d.Limits.String() != want || d.Allowed != (want != "") {
			t.Errorf("%s: %+v", asked, d)
		}
	}
	if d := p.Decide(alice, session(func(s *engine.Grant) { s.Timeout = 9 * time.Hour })); !strings.Contains(d.Why, "p.yaml:10: ") {
		t.Errorf("%+v does not name the line of the limits", d)
	}
}

// TestNone: no policy, and one that does not speak of it, allow nothing.
func TestNone(t *testing.T) {
	var none *policy.Policy
	for _, p := range []*policy.Policy{none, {}, parse(t, "  - deny: all\n")} {
		for verb := range 13 {
			a := of(engine.Verb(policy.VerbNames()[verb]), nil)
			if d := p.Decide(alice, a); d.Allowed || d.Why == "" {
				t.Errorf("%s: %+v", a.Operation.Verb, d)
			}
		}
		if d := p.Decide(alice, ask(nil)); d.Allowed {
			t.Errorf("%+v", d)
		}
	}
}

// TestWhyIsPlain: a container's words steer no terminal.
func TestWhyIsPlain(t *testing.T) {
	d := parse(t, open()).Decide(alice, ask(func(op *engine.Operation) { op.Target.Name = "x\x1b[2J\n" }))
	if strings.ContainsAny(d.Why, "\x1b\n") || !strings.Contains(d.Why, `x\x1b[2J\n`) {
		t.Error(d.Why)
	}
	if text := fmt.Sprint(d); strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}
