package server_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"dlx/agent/agenttest"
	"dlx/agent/client"
	"dlx/agent/server"
	"dlx/engine"
	"dlx/fault"
	"dlx/target"
)

// TestWatchSessions: who watches sees what begins and what ends, only what they may, and learns
// that the agent does.
func TestWatchSessions(t *testing.T) {
	f, began, ended := holding()
	refused := errors.New("not others'")
	s, socket := agenttest.Serve(t, server.Options{Engine: f, Version: "1.0", Allow: func(context.Context, string, *target.Info) error { return refused }})
	lists, result := make(chan []client.Session, 100), make(chan error, 1)
	watcher := dial(t, socket)
	go func() {
		result <- watcher.WatchSessions(context.Background(), func(list []client.Session) error {
			lists <- list
			return nil
		})
	}()
	if first := wait(t, "the first list", lists); len(first) != 0 {
		t.Errorf("the first list: %v", first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = dial(t, socket).Debug(ctx, engine.DebugRequest{Target: "web"}, engine.Streams{Stdout: io.Discard, Stderr: io.Discard})
	}()
	wait(t, "the session", began)
	if second := wait(t, "the second list", lists); len(second) != 1 || second[0].Verb != "debug" || second[0].Targets[0] != "web" {
		t.Errorf("the second list: %v", second)
	}
	cancel()
	_ = wait(t, "the session's end", ended)
	if third := wait(t, "the third list", lists); len(third) != 0 {
		t.Errorf("the third list: %v", third)
	}
	stop, done := context.WithTimeout(t.Context(), limit)
	defer done()
	if err := s.Shutdown(stop); err != nil {
		t.Error(err)
	}
	if err := wait(t, "the watch's end", result); err == nil || !strings.Contains(err.Error(), server.ErrShutdown.Error()) {
		t.Errorf("the watch ended with %v, want server.ErrShutdown", err)
	}
}

// TestWatchEnds: a watch ends with its context, with its reader's error, and with its agent, never
// as if all were well.
func TestWatchEnds(t *testing.T) {
	f, _, _ := holding()
	_, socket := agent(t, f)
	enough := errors.New("enough")
	if err := dial(t, socket).WatchSessions(t.Context(), func([]client.Session) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a reader that has had enough: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	err := dial(t, socket).WatchSessions(ctx, func([]client.Session) error {
		cancel(enough)
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("a context that has ended: %v", err)
	}
	p := newProxy(t, socket)
	err = dial(t, p.socket).WatchSessions(t.Context(), func([]client.Session) error {
		time.AfterFunc(0, p.cut)
		return nil
	})
	if !errors.Is(err, fault.Cut) {
		t.Errorf("a connection that is cut: %v, want fault.Cut", err)
	}
}
