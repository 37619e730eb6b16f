package policy_test

import (
	"testing"
	"time"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/engine"
	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// parse reads rules that have to be good.
func parse(t testing.TB, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("p.yaml", []byte("version: 1\nrules:\n"+rules))
	if err != nil {
		t.Fatalf("%v\n%s", err, rules)
	}
	return p
}

var (
	alice = identity.Caller{Known: identity.PeerCredentials, UID: 1000, User: "alice", Groups: []identity.Group{{ID: 1000, Name: "alice"}, {ID: 50, Name: "oncall"}}}
	bob   = identity.Caller{Known: identity.Certificate, SANs: []string{"DNS:bob.ops.example.com", "URI:spiffe://example.com/oncall/bob", "email:bob@example.com"}}
	hosts = map[string]uint64{"mnt": 1, "net": 2, "pid": 3, "ipc": 4, "uts": 5}
)

// ask is a session as it is asked about on the way, changed by a test.
func ask(change func(op *engine.Operation)) policy.Ask {
	op := engine.Operation{
		Verb: engine.VerbDebug, Subject: engine.SubjectContainer,
		Target: target.Info{
			Runtime: "docker", ID: "0123", Name: "web", Image: "nginx:1.27", Labels: map[string]string{"team": "shop", "env": "prod"}, State: target.Running, PID: 7,
		},
		Process: &engine.Process{PID: 7, Namespaces: map[string]uint64{"mnt": 11, "net": 12, "pid": 13, "ipc": 14, "uts": 15}},
		Session: &engine.Grant{
			FS: engine.FSToolbox, User: shell.User{}, Command: []string{"sh"}, Memory: 1 << 30, Pids: 512,
			Restraints: engine.Restraints{Profile: "general"},
		},
		Toolboxes: []toolbox.Part{{Name: "dlx", Version: "1", Key: toolbox.BuiltIn}},
	}
	if change != nil {
		change(&op)
	}
	return policy.Ask{Operation: op, Reason: "it is slow", Host: hosts}
}

// of is another verb's operation on the same container.
func of(v engine.Verb, change func(op *engine.Operation)) policy.Ask {
	return ask(func(op *engine.Operation) {
		op.Verb, op.Session = v, nil
		switch v {
		case engine.VerbCapture:
			op.Capture, op.Toolboxes = &engine.CaptureGrant{Filter: "port 80"}, nil
		case engine.VerbHold:
			op.Hold, op.Toolboxes = &engine.Hold{When: engine.OnExit, Limit: time.Minute}, nil
		case engine.VerbInject, engine.VerbEject:
		default:
			op.Toolboxes = nil
		}
		if change != nil {
			change(op)
		}
	})
}

func process(op *engine.Operation) {
	op.Target = target.Info{Runtime: target.PIDScheme, ID: "7", Name: "pid-7", Image: "nginx", State: target.Running, PID: 7}
}

func network(op *engine.Operation) {
	op.Subject, op.Target = engine.SubjectNetNS, target.Info{Runtime: target.NetNSScheme, ID: "/run/netns/blue", Name: "blue"}
	op.Process.Namespaces = map[string]uint64{"mnt": 1, "net": 12, "pid": 3, "ipc": 4, "uts": 5}
}

func image(op *engine.Operation) {
	op.Subject, op.Target = engine.SubjectImage, target.Info{Runtime: "docker", ID: "sha256:abcd", Name: "nginx:1.27", Image: "nginx:1.27"}
}
