package server

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"dlx/agent/captures"
	"dlx/engine"
	"dlx/fault"
)

// Kept is where a capture goes that goes on without its client, as a gate sees it.
type Kept struct {
	c    *captures.Capture
	ctx  context.Context //nolint:containedctx // the work's, whose cause is why it ends
	over chan struct{}   // closed when its end is recorded, too

	once   sync.Once
	result KeptResult
}

// KeptResult is what has become of the file.
type KeptResult struct {
	Digest string // SHA-256 in hex; "" if it is not known
	Bytes  int64
	Why    string // the capture has ended, or goes on with the next agent
	Err    error  // why it may not be as it should
}

// Name is that of the file.
func (k *Kept) Name() string { return k.c.Name() }

// ID is the capture's.
func (k *Kept) ID() string { return k.c.ID() }

// Complete closes the file, once, when nothing is written any more.
func (k *Kept) Complete(o engine.Outcome) KeptResult {
	k.once.Do(func() {
		r := &k.result
		r.Why = k.why(&o)
		if errors.Is(context.Cause(k.ctx), ErrShutdown) {
			r.Err = k.c.Pause()
		} else {
			r.Err = k.c.Finish(r.Why)
		}
		f, err := k.c.Open()
		if err != nil {
			return // nothing was written
		}
		defer f.Close()
		r.Digest, r.Bytes = hex.EncodeToString(f.SHA256), f.Size
	})
	return k.result
}

// why it has ended.
func (k *Kept) why(o *engine.Outcome) string {
	cause := context.Cause(k.ctx)
	switch {
	case cause != nil:
		return cause.Error()
	case o.Err != nil:
		return o.Err.Error()
	case o.Stats != nil && o.Stats.TargetEnded:
		return "what was captured in has ended"
	}
	return "as much is captured as was asked for"
}

// errOver is why a capture ends whose time is up.
var errOver = fault.New(fault.TimedOut, "", "the time is up that was asked for")

// keptSink is a capture's sink, with its work's bounds.
type keptSink struct {
	c     *captures.Capture
	work  *Work
	began func()
}

// Begin is capture.Sink's.
func (k *keptSink) Begin() error {
	if err := k.c.Begin(); err != nil {
		return err
	}
	k.work.watch.Began()
	k.began()
	return nil
}

// Blocks is capture.Sink's.
func (k *keptSink) Blocks(b []byte, packets, dropped uint64) error {
	if err := k.work.count(len(b)); err != nil {
		return err
	}
	k.work.watch.Packets(packets, dropped)
	return k.c.Blocks(b, packets, dropped)
}
