package cli

import (
	"errors"
	"os/user"
	"strings"

	"dlx/agent/identity"
	"dlx/agent/policy"
)

// explainWho is who is meant by USER: a certificate's name, or a user of this host with the groups
// that /etc/group has.
func (a *app) explainWho(text string, groups []string) (identity.Caller, error) {
	if policy.IsSAN(text) {
		return identity.Caller{Known: identity.Certificate, SANs: []string{text}}, nil
	}
	who := identity.Caller{Known: identity.PeerCredentials, User: text}
	u, err := user.Lookup(text)
	if id, numeric := number(text); numeric == nil {
		who.User, who.UID = "", id
		u, err = user.LookupId(text)
	}
	if err == nil {
		err = fillUser(&who, u)
	} else if who.User != "" {
		who.UID = nobodys
	}
	if unknown := new(user.UnknownUserError); errors.As(err, unknown) || errors.As(err, new(user.UnknownUserIdError)) {
		a.notef("no user %s here: only the groups of --group are known", text)
		err = nil
	}
	for _, g := range groups {
		who.Groups = append(who.Groups, groupOf(g))
	}
	return who, err
}

// nobodys is a number that nobody has (chown(2)), for who has a name alone.
const nobodys = ^uint32(0)

// fillUser adds what this host knows of a user.
func fillUser(who *identity.Caller, u *user.User) error {
	id, err := number(u.Uid)
	if err != nil {
		return err // a system whose users have no numbers
	}
	who.User, who.UID = u.Username, id
	ids, err := u.GroupIds()
	for _, gid := range ids {
		who.Groups = append(who.Groups, groupOf(gid))
	}
	return err
}

// groupOf is a group by its name or number, as far as this host knows it.
func groupOf(text string) (g identity.Group) {
	found, err := user.LookupGroup(text)
	if strings.Trim(text, "0123456789") == "" {
		found, err = user.LookupGroupId(text)
	}
	if err != nil {
		g.Name = text
	} else {
		g.Name, text = found.Name, found.Gid
	}
	if g.ID, err = number(text); err != nil {
		g.ID = nobodys
	}
	return g
}
