package testutil

import (
	"testing"
	"time"
)

// outcome is a test that notes how it was ended.
type outcome struct {
	testing.TB
	skipped, failed bool
}

func (o *outcome) Helper()               {}
func (o *outcome) Skip(...any)           { o.skipped = true }
func (o *outcome) Fatalf(string, ...any) { o.failed = true }

func TestSkipOrFail(t *testing.T) {
	for _, test := range []struct {
		env  string
		fail bool
	}{{"", false}, {"0", false}, {"1", true}} {
		t.Setenv(noSkipEnv, test.env)
		got := outcome{}
		if SkipOrFail(&got, "reason"); got.failed != test.fail {
			t.Errorf("%s=%q: failed %t, want %t", noSkipEnv, test.env, got.failed, test.fail)
		}
	}
}

func TestWait(t *testing.T) {
	n := 0
	Wait(t, "the third look", time.Minute, func() bool { n++; return n == 3 })
	got := outcome{}
	Wait(&got, "nothing", time.Millisecond, func() bool { return false })
	if !got.failed {
		t.Error("did not fail at the limit")
	}
}
