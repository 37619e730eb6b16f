package testutil

import (
	"testing"
	"time"
)

// pollEvery is how often a condition is looked at. Most hold within a few milliseconds.
const pollEvery = 5 * time.Millisecond

// Wait returns when cond holds and fails the test when it does not hold within limit; what says
// what was waited for.
func Wait(t testing.TB, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	if !poll(limit, cond) {
		t.Fatalf("waited %v in vain for %s", limit, what)
	}
}

// poll is the one place that looks again and again. It says whether cond came true within limit.
func poll(limit time.Duration, cond func() bool) bool {
	if cond() {
		return true
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		select {
		case <-tick.C:
			if cond() {
				return true
			}
		case <-end.C:
			return cond()
		}
	}
}
