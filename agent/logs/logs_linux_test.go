package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"dlx/agent/logs"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// TestLines: a line is JSON of bounded texts, has the context's fields, and steers no terminal.
func TestLines(t *testing.T) {
	var b bytes.Buffer
	log := logs.New(&b, slog.LevelInfo).With("of", "an agent\u009b2J")
	ctx := logs.With(t.Context(), slog.String("trace", "0af7"))
	log.DebugContext(ctx, "nothing")
	log.InfoContext(ctx, "a\u202e\x1b", "error", errors.New(strings.Repeat("e\xff\x7f", 10000)), "n", 3)
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatalf("%q: %v", b.String(), err)
	}
	if m["trace"] != "0af7" || m["msg"] != "a\u202e\x1b" || m["of"] != "an agent\u009b2J" || m["n"] != 3.0 || b.Len() > 16<<10 {
		t.Errorf("%d bytes: %v", b.Len(), m)
	}
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if r < ' ' || r > '~' {
			t.Errorf("%q in %s", r, b.String())
		}
	}
}

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		if got, err := logs.ParseLevel(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "INFO", "info+1"} {
		if _, err := logs.ParseLevel(text); err == nil {
			t.Errorf("%q is a level", text)
		}
	}
}
