package agent

import (
	"context"
	"errors"
	"fmt"

	"dlx/agent/server"
	"dlx/engine"
	"dlx/record/audit"
	"dlx/record/cast"
)

// What says which sessions are recorded.
type What string

// What can be recorded.
const (
	RecordTerminals What = "terminals"
	RecordAll       What = "all" // pipes too
	RecordNone      What = "none"
)

// tapes are where sessions are recorded.
type tapes struct {
	dir   string
	what  What
	input bool // with what is typed
}

// tape is the recording of a session. A nil one records nothing.
type tape struct {
	rec   *cast.Recording
	name  string
	input bool
}

// begin makes the recording of an operation, if it is to have one.
func (t tapes) begin(id string, w *server.Work, op *engine.Operation) (*tape, error) {
	s := op.Session
	if s == nil || op.Verb != engine.VerbDebug || t.what == RecordNone || !s.TTY && t.what != RecordAll {
		return nil, nil //nolint:nilnil // a nil tape records nothing
	}
	size := w.Size()
	o := cast.Options{Width: int(size.Cols), Height: int(size.Rows), Title: fmt.Sprintf("%s %s", op.Verb, op.Target.Name), Input: t.input}
	rec, err := cast.Create(t.dir, id, o)
	if err != nil {
		return nil, err
	}
	return &tape{rec, id + cast.Suffix, t.input}, nil
}

// roll has all of the session go through the recording.
func (t *tape) roll(w *server.Work) {
	if t == nil {
		return
	}
	w.Through(func(s engine.Streams) engine.Streams {
		ctx, through := t.rec.Wrap(context.Background(), s)
		context.AfterFunc(ctx, func() { w.End(context.Cause(ctx)) })
		return through
	}, func(size engine.WindowSize) {
		if err := t.rec.Resize(size.Rows, size.Cols); err != nil && !errors.Is(err, cast.ErrClosed) {
			w.End(err)
		}
	})
}

// entry is what the record says of it when it begins.
func (t *tape) entry() *audit.Recording {
	if t == nil {
		return nil
	}
	return &audit.Recording{Name: t.name, Input: t.input}
}

// close completes it.
func (t *tape) close() (*audit.Recording, error) {
	if t == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	res, err := t.rec.Close()
	return &audit.Recording{Name: t.name, Digest: "sha256:" + res.SHA256, Bytes: res.Bytes, Input: t.input}, err
}

// discard completes one of a session that is not begun.
func (t *tape) discard() error {
	_, err := t.close()
	return err
}
