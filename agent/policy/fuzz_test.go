package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/engine"
	"dlx/internal/strictyaml"
)

// FuzzParse: no text is a crash, nor allows anything that no rule with a name allows; its mistakes
// are lines that steer no terminal.
func FuzzParse(f *testing.F) {
	f.Add("version: 1\nrules:\n" + open("devices: [/dev/fuse]", "toolboxes: [{name: net, key: team}]", "limits: {time: 1h, bytes: 1g, sessions: 2, memory: 1g, pids: 9, ring: 1m}"))
	f.Add("version: 1\nrules:\n  - deny: x\n    targets: [{subject: netns}, {labels: [a=b], host: [net], owner: self}]\n")
	f.Add("a: &a [*a]\n---\n? - {\n: x")
	f.Add("version: !%00 1\nrules: []\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := policy.Parse("p.yaml", []byte(text))
		list, ok := errors.AsType[strictyaml.Errors](err)
		if (err == nil) == (p == nil) || err != nil && (!ok || len(list) == 0) {
			t.Fatalf("%v, %v", p, err)
		}
		for _, e := range list {
			if strings.ContainsFunc(e.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", e.Error())
			}
		}
		if d := p.Decide(alice, ask(nil)); d.Allowed && (!strings.Contains(text, "allow") || d.Line < 1 || d.Line > strings.Count(text, "\n")+1) {
			t.Errorf("%+v", d)
		}
	})
}

// FuzzDecide: whoever asks for whatever gets one line for an answer, and nothing without a rule for
// it.
func FuzzDecide(f *testing.F) {
	for _, a := range []policy.Ask{ask(nil), of(engine.VerbCapture, nil), of(engine.VerbHold, network), ask(process), ask(image)} {
		op, err := json.Marshal(a.Operation)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(op, []byte(`{"via": "peer", "uid": 1000, "user": "alice", "groups": [{"id": 50}], "sans": ["DNS:a"]}`), "name", "image", "label")
	}
	p := parse(f, open("targets: [{name: web, image: 'nginx:*'}, {subject: process}, {labels: [a=b]}]", "devices: ['/dev/*']", "toolboxes: [{name: 'n*'}]")+
		"  - deny: no\n    who: {groups: [wheel]}\n    targets: [{name: 'd*', owner: self, labels: [env=prod]}]\n")
	f.Fuzz(func(t *testing.T, operation, somebody []byte, name, image, label string) {
		var a policy.Ask
		var who identity.Caller
		if json.Unmarshal(operation, &a.Operation) != nil || json.Unmarshal(somebody, &who) != nil {
			return
		}
		a.Host, a.Operation.Target.Name, a.Operation.Target.Image = hosts, name, image
		a.Operation.Target.Labels = map[string]string{label: name}
		for _, empty := range []*policy.Policy{nil, {}} {
			if d := empty.Decide(who, a); d.Allowed {
				t.Errorf("nothing allows %+v", d)
			}
		}
		d := p.Decide(who, a)
		if d.Why == "" || strings.ContainsFunc(d.Why, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%+v", d)
		}
		if d.Allowed && (who.User != "alice" || who.Known != identity.PeerCredentials || d.Rule != "it") {
			t.Errorf("%+v for %+v", d, who)
		}
	})
}
