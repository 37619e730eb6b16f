package identity_test

import (
	"errors"
	"testing"

	"dlx/agent/identity"
)

// TestAgain: a user who is not there keeps no group that is not theirs any more, and is nobody if
// the number is another user's by now.
func TestAgain(t *testing.T) {
	root := identity.Caller{Known: identity.PeerCredentials, UID: 0, User: "root", Name: "root", Groups: []identity.Group{{ID: 0, Name: "root"}, {ID: 4242, Name: "oncall"}}}
	got, err := identity.Again(root)
	if err != nil || len(got.Groups) != 1 || got.Groups[0].ID != 0 || len(root.Groups) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	nameless := identity.Caller{Known: identity.PeerCredentials, UID: 424242, Name: "424242", Groups: root.Groups}
	if got, err := identity.Again(nameless); err != nil || len(got.Groups) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []identity.Caller{
		{Known: identity.PeerCredentials, UID: 424242, User: "gone"}, {Known: identity.PeerCredentials, UID: 0, User: "alice"},
	} {
		if got, err := identity.Again(c); !errors.Is(err, identity.ErrOther) {
			t.Errorf("%+v, %v; want ErrOther", got, err)
		}
	}
	certified := identity.Caller{Known: identity.Certificate, SANs: []string{"URI:dlx://user/alice"}}
	if got, err := identity.Again(certified); err != nil || got.ID() != certified.ID() {
		t.Errorf("%+v, %v", got, err)
	}
}
