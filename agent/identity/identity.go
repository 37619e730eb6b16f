// Package identity says who asks an agent for work, and how that is known.
package identity

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Caller is who asks, as plain data.
type Caller struct {
	Known Known  `json:"known"`
	Name  string `json:"name"` // for people: of the user, or a certificate's
	From  string `json:"from"` // where the caller has connected
	// Of a user of this host; a name that is not to be found out is "".
	UID    uint32  `json:"uid"`
	User   string  `json:"user,omitempty"`
	Groups []Group `json:"groups,omitempty"` // all of them
	PID    int     `json:"pid,omitempty"`    // it may be another's by now
	// Of a certificate: its subject alternative names, as DNS:NAME, URI:URI, email:ADDRESS or
	// IP:ADDRESS (RFC 5280, 4.2.1.6), and its SHA-256 in hexadecimal digits.
	SANs []string `json:"sans,omitempty"`
	Key  string   `json:"key,omitempty"`
}

// ID tells callers apart: the user of this host, or whom a certificate names, whichever certificate
// it is.
func (c *Caller) ID() string {
	return fmt.Sprintf("%s\x00%d\x00%s", c.Known, c.UID, strings.Join(c.SANs, "\x00"))
}

// String is for people, and not escaped.
func (c *Caller) String() string {
	switch {
	case c.Known == Certificate:
		return strings.Join(c.SANs, ", ")
	case c.User == "":
		return "uid " + strconv.FormatUint(uint64(c.UID), 10)
	}
	return c.User
}

// Group is a group of users.
type Group struct {
	ID   uint32 `json:"id"`
	Name string `json:"name,omitempty"`
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
