package agent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dlx/fault"
	"dlx/internal/testutil"
	"dlx/record/audit"
)

// TestAudit: who has the verb reads the record through the agent as root reads its files, by the
// same filter. Nobody else does.
func TestAudit(t *testing.T) {
	p := run(t, shopRules)
	c := paused(t, "shop")
	for _, script := range []string{"echo one", "echo two"} {
		if _, err := p.sh(t, c, script); err != nil {
			t.Fatal(err)
		}
	}
	all := func(filter audit.Filter) (list []audit.Entry, err error) {
		_, err = p.Audit(t.Context(), filter, func(e *audit.Entry) error {
			if e.Kind == audit.KindBegin || e.Kind == audit.KindEnd || e.Kind == audit.KindRefused {
				list = append(list, *e)
			}
			return nil
		})
		return list, err
	}
	if list, err := all(audit.Filter{}); !errors.Is(err, fault.Refused) || len(list) > 0 {
		t.Errorf("without the verb: %d entries, %v, want fault.Refused", len(list), err)
	}
	p.write(t, shopRules+`  - allow: read the record
    who: {users: [root]}
    verbs: [audit]
`)
	var list []audit.Entry
	testutil.Wait(t, "the new policy", limit, func() bool {
		var err error
		list, err = all(audit.Filter{})
		return err == nil
	})
	want := p.record(t)
	if diff := cmp.Diff(want, list); diff != "" || len(want) != 4 {
		t.Errorf("%d entries (-files +agent):\n%s", len(want), diff)
	}
	for name, filter := range map[string]audit.Filter{
		"one":     {ID: want[0].ID},
		"none":    {Since: time.Now().Add(time.Hour)},
		"target":  {Target: c.Name, User: "root", Verb: "debug"},
		"another": {Target: "no-such-target"},
	} {
		list, err := all(filter)
		sizes := map[string]int{"one": 2, "none": 0, "target": 4, "another": 0}
		if len(list) != sizes[name] || err != nil {
			t.Errorf("%s: %d entries, want %d; %v", name, len(list), sizes[name], err)
		}
	}
	enough := errors.New("enough")
	if _, err := p.Audit(t.Context(), audit.Filter{}, func(*audit.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a reader that has had enough: %v", err)
	}
}
