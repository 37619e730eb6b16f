package agent

import (
	"context"

	"dlx/agent/server"
	"dlx/engine"
	"dlx/record/audit"
)

// beginKept says in the record of a capture that goes on without its client where that goes.
func beginKept(w *server.Work, e *audit.Entry) {
	if w.Kept == nil {
		return
	}
	e.Recording = &audit.Recording{Name: w.Kept.Name()}
	if w.Resumed != "" {
		e.Text = "the capture " + w.Kept.ID() + " goes on, which the agent's end has cut off"
	}
}

// endKept closes the file of such a capture, and says in the record what that has become.
func endKept(w *server.Work, o *engine.Outcome, e *audit.Entry) {
	if w.Kept == nil {
		return
	}
	r := w.Kept.Complete(*o)
	e.Recording, e.Text = &audit.Recording{Name: w.Kept.Name(), Bytes: r.Bytes}, r.Why
	if r.Digest != "" {
		e.Recording.Digest = "sha256:" + r.Digest
	}
	if r.Err != nil {
		e.Text += "; " + r.Err.Error()
	}
}

// noteCapture records what is done with a capture that is kept.
func (a *Agent) noteCapture(ctx context.Context, n server.CaptureEvent) error {
	e := audit.Entry{ID: n.Info.ID, Who: whoEntry(n.Caller), Verb: "captures"}
	switch n.What {
	case server.CaptureFetched:
		e.Kind, e.Text = audit.KindFetch, "the capture of "+n.Info.User
	case server.CaptureRemoved:
		e.Kind, e.Removed, e.Text = audit.KindSweep, []string{n.Info.ID}, "the capture of "+n.Info.User
	case server.CaptureEnded:
		e.Kind, e.Verb, e.Text = audit.KindEnd, string(engine.VerbCapture), n.Info.Why
		e.Outcome = &audit.Outcome{Bytes: n.Info.Bytes, Packets: n.Info.Packets, Drops: n.Info.Dropped}
	}
	if n.Info.SHA256 != "" {
		e.Recording = &audit.Recording{Name: n.Info.ID + ".pcapng", Digest: "sha256:" + n.Info.SHA256, Bytes: int64(n.Info.Bytes)}
	}
	_, err := a.log.Append(ctx, e)
	return err
}

// sweepCaptures removes captures that are too old, or too many.
func (a *Agent) sweepCaptures(ctx context.Context) {
	removed, err := a.captures.Sweep()
	if len(removed) > 0 {
		if _, rerr := a.log.Append(ctx, audit.Entry{Kind: audit.KindSweep, Removed: removed}); err == nil {
			err = rerr
		}
	}
	if err != nil && ctx.Err() == nil {
		a.c.Log.WarnContext(ctx, "captures are not removed", "error", err)
	}
}
