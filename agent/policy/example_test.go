package policy_test

import (
	"fmt"

	"dlx/agent/identity"
	"dlx/agent/policy"
	"dlx/engine"
)

// A rule allows the auditors to read the record, and nobody else anything.
func ExamplePolicy_Decide() {
	p, err := policy.Parse("policy.yaml", []byte("version: 1\nrules:\n  - allow: auditors\n    who: {groups: [audit]}\n    verbs: [audit]\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := policy.Ask{Operation: engine.Operation{Verb: policy.VerbAudit}}
	for _, who := range []identity.Caller{
		{Known: identity.PeerCredentials, UID: 1000, User: "alice", Groups: []identity.Group{{ID: 50, Name: "audit"}}},
		{Known: identity.PeerCredentials, UID: 1001, User: "bob"},
	} {
		fmt.Println(p.Decide(who, ask).Why)
	}
	// Output:
	// policy.yaml:3: rule "auditors" allows alice the audit
	// by default: no rule of policy.yaml allows bob the audit
}
