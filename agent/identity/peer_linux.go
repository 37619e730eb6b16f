package identity

import (
	"errors"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"

	"dlx/internal/linux"
)

// Peer is who has connected to a unix socket, by the kernel's word: user, group and groups are
// those that the process had at that time. Names are this machine's.
func Peer(conn *net.UnixConn) (*Caller, error) {
	cred, err := linux.PeerCredentials(conn)
	if err != nil {
		return nil, fmt.Errorf("ask who has connected: %w", err)
	}
	c := &Caller{
		Name: strconv.FormatUint(uint64(cred.UID), 10), UID: cred.UID, GID: cred.GID, PID: cred.PID, Known: PeerCredentials,
		From: conn.LocalAddr().String(),
	}
	u, err := user.LookupId(c.Name)
	var unknown user.UnknownUserIdError
	switch {
	case err == nil:
		c.Name = u.Username
	case !errors.As(err, &unknown):
		return nil, fmt.Errorf("look up user %s: %w", c.Name, err)
	}
	for _, gid := range append([]uint32{cred.GID}, cred.Groups...) {
		if name := groupName(gid); !slices.Contains(c.Groups, name) {
			c.Groups = append(c.Groups, name)
		}
	}
	return c, nil
}

func groupName(gid uint32) string {
	number := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(number); err == nil {
		return g.Name
	}
	return number
}
