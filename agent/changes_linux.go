package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"dlx/engine"
	"dlx/record/audit"
	"dlx/record/layer"
	"dlx/target"
)

// layers tells where the files of a container are on the host. An engine that does the work itself
// does.
type layers interface {
	Rootfs(ctx context.Context, c *target.Info) (target.Layers, error)
}

// changesLimit bounds the look for what has changed: a session's end waits for it.
const changesLimit = time.Second / 2

// maxInEnd is how many bytes of changes, as JSON, are a part of the session's end. It is a line for
// which there is always room, and has little.
const maxInEnd = 2 << 10

// changes are those in the container's layer since an operation was begun, nil if it could make
// none: by a session that may write to a container's files.
func (a *admission) changes() *audit.Changes {
	s := a.op.Session
	if s == nil || s.ReadOnly || a.op.Subject != engine.SubjectContainer || a.begun.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), changesLimit)
	defer cancel()
	upper, err := a.gate.upper(ctx, &a.op.Target)
	if err != nil {
		return &audit.Changes{Unknown: err.Error()}
	}
	return layer.Changed(ctx, upper, a.begun)
}

// upper is the directory of a container's writable layer.
func (g *gate) upper(ctx context.Context, c *target.Info) (string, error) {
	if g.layers == nil {
		return "", layer.ErrNoLayer
	}
	l, err := g.layers.Rootfs(ctx, c)
	switch {
	case err != nil:
		return "", err
	case l.Upper == "" && l.Merged != "":
		return layer.Upper(l.Merged)
	case l.Upper == "":
		return "", layer.ErrNoLayer
	}
	return l.Upper, nil
}

// recordChanges puts them into an operation's end, or into an entry before it.
func (a *admission) recordChanges(end *audit.Entry) {
	c := a.changes()
	if c == nil {
		return
	}
	end.Ran = cmp.Or(end.Ran, &audit.Ran{})
	if text, err := json.Marshal(c); err == nil && len(text) <= maxInEnd {
		end.Ran.Changes = c
		return
	}
	e := audit.Entry{Kind: audit.KindRan, ID: a.id, Ran: &audit.Ran{Changes: c}}
	if _, err := a.gate.log.Append(context.Background(), e); err != nil {
		end.Ran.Changes = &audit.Changes{Unknown: err.Error()}
	}
}
