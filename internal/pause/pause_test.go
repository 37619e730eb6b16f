package pause_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"dlx/internal/pause"
)

// TestFor: it ends when the time is over, or with ctx and its cause.
func TestFor(t *testing.T) {
	if err := pause.For(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for _, d := range []time.Duration{0, time.Hour} {
		if err := pause.For(ctx, d); !errors.Is(err, why) {
			t.Errorf("%s: %v, want the cause", d, err)
		}
	}
}

// TestBehind: nothing is called before ctx has ended, or once it was stopped.
func TestBehind(t *testing.T) {
	called := make(chan string, 3)
	ctx, cancel := context.WithCancel(t.Context())
	pause.Behind(ctx, time.Hour, func() { called <- "too early" })()
	stop := pause.Behind(ctx, time.Millisecond, func() { called <- "in time" })
	defer stop()
	late := pause.Behind(ctx, time.Hour, func() { called <- "too late" })
	cancel()
	if got := <-called; got != "in time" {
		t.Errorf("called: %s", got)
	}
	late()
	late()
	select {
	case got := <-called:
		t.Errorf("called: %s", got)
	default:
	}
}
