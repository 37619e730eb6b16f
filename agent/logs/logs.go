// Package logs is an agent's log: lines of JSON that steer no terminal, whatever the texts in them
// are.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"dlx/internal/printable"
)

// maxText is how much of a text is in a line, in bytes: some are of whoever asks.
const maxText = 1 << 10

// New is a logger that writes to w lines of a level and above. A line of a context has the fields
// of With too.
func New(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(handler{slog.NewJSONHandler(safe{w}, &slog.HandlerOptions{Level: level, ReplaceAttr: clip})})
}

// ParseLevel reads debug, info, warn or error.
func ParseLevel(text string) (level slog.Level, err error) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if text == strings.ToLower(l.String()) {
			return l, nil
		}
	}
	return level, fmt.Errorf("%q is none of debug, info, warn, error", text)
}

type fieldsKey struct{}

// With is a context whose lines have fields.
func With(ctx context.Context, fields ...slog.Attr) context.Context {
	return context.WithValue(ctx, fieldsKey{}, fields)
}

// handler adds the context's fields.
type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	fields, _ := ctx.Value(fieldsKey{}).([]slog.Attr)
	r.AddAttrs(fields...)
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// clip is for slog.HandlerOptions.
func clip(_ []string, a slog.Attr) slog.Attr {
	var s string
	switch v := a.Value.Resolve().Any().(type) {
	case error:
		s = v.Error()
	case string:
		s = v
	default:
		return a
	}
	if len(s) > maxText {
		s = s[:maxText] + " ..."
	}
	a.Value = slog.StringValue(s)
	return a
}

// safe writes lines with all characters escaped that have no picture or turn the direction of
// writing. slog itself escapes what RFC 8259 has it escape, which is less.
type safe struct{ w io.Writer }

func (s safe) Write(line []byte) (int, error) {
	end := line[len(line)-1:]
	if _, err := s.w.Write(append(printable.JSON(line[:len(line)-1]), end...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
