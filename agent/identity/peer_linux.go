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
		Known: PeerCredentials, Name: strconv.FormatUint(uint64(cred.UID), 10), UID: cred.UID, PID: cred.PID, From: conn.LocalAddr().String(),
	}
	u, err := user.LookupId(c.Name)
	switch {
	case err == nil:
		c.Name, c.User = u.Username, u.Username
	case !errors.As(err, new(user.UnknownUserIdError)):
		return nil, fmt.Errorf("look up user %s: %w", c.Name, err)
	}
	for _, gid := range append([]uint32{cred.GID}, cred.Groups...) {
		if !slices.ContainsFunc(c.Groups, func(g Group) bool { return g.ID == gid }) {
			c.Groups = append(c.Groups, Group{gid, groupName(gid)})
		}
	}
	return c, nil
}

// groupName is a group's, "" if it has none.
func groupName(gid uint32) string {
	g, err := user.LookupGroupId(strconv.FormatUint(uint64(gid), 10))
	if err != nil {
		return ""
	}
	return g.Name
}
