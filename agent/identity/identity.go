// Package identity says who asks an agent for work, and how that is known.
package identity

import "context"

// Caller is who asks, as plain data.
type Caller struct {
	Name   string   `json:"name"`          // of the user, or the certificate's subject
	UID    uint32   `json:"uid"`           // by peer credentials
	GID    uint32   `json:"gid"`           // the same
	Groups []string `json:"groups"`        // names, or numbers that have none
	PID    int      `json:"pid,omitempty"` // the same; it may be another's by now
	Known  Known    `json:"known"`
	From   string   `json:"from"` // the other end's address
}

// Known is how it is known who asks.
type Known string

// The ways.
const (
	PeerCredentials Known = "peer-credentials" // unix(7), SO_PEERCRED
	Certificate     Known = "certificate"      // that a client has proved to hold, by TLS
)

type key struct{}

// With is a context of work that a caller asks for.
func With(ctx context.Context, c *Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// Of is who asks for a context's work, nil if nobody is known to.
func Of(ctx context.Context) *Caller {
	c, _ := ctx.Value(key{}).(*Caller)
	return c
}
