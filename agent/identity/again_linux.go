package identity

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
)

// ErrOther reports a caller who is not the same any more: the user of that number is gone, or is
// somebody else.
var ErrOther = errors.New("the user is not there any more")

// Again is a caller who is not there, as this host knows it now. A user of this host keeps no group
// that it has left since. Whom a certificate names stays the same.
func Again(c Caller) (*Caller, error) {
	if c.Known != PeerCredentials {
		return &c, nil
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(c.UID), 10))
	switch {
	case errors.As(err, new(user.UnknownUserIdError)):
		if c.User == "" { // nor had a name before
			c.Groups = nil
			return &c, nil
		}
		return nil, fmt.Errorf("user %d, who was %s: %w", c.UID, c.User, ErrOther)
	case err != nil:
		return nil, fmt.Errorf("look up user %d: %w", c.UID, err)
	case u.Username != c.User:
		return nil, fmt.Errorf("user %d, who was %s, is %s: %w", c.UID, c.User, u.Username, ErrOther)
	}
	now, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up the groups of %s: %w", c.User, err)
	}
	c.Groups = slices.DeleteFunc(slices.Clone(c.Groups), func(g Group) bool {
		return !slices.Contains(now, strconv.FormatUint(uint64(g.ID), 10))
	})
	return &c, nil
}
