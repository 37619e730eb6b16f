package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlx/agent/identity"
	"dlx/internal/strictyaml"
)

// account is an entry of a rule's users or groups: a name, or a number. A name that consists of
// digits can not be told from a number, and is one.
type account struct {
	name   string
	id     uint32
	number bool
}

// anyone is the entry for every user of the host.
const anyone = "*"

func parseAccount(s string) (account, error) {
	if strings.Trim(s, "0123456789") == "" {
		id, err := parseID(s)
		return account{id: id, number: true}, err
	}
	if s != anyone && strings.ContainsAny(s, wild+notInPatterns+":, ") {
		return account{}, fmt.Errorf("%s is no name: names are given in full, or as numbers; %q alone is every user of this host", strictyaml.Quote(s), anyone)
	}
	return account{name: s}, nil
}

// parseID takes a user's or group's number, in the one way to write it.
func parseID(s string) (uint32, error) {
	id, err := strconv.ParseUint(s, 10, 32)
	if err != nil || strconv.FormatUint(id, 10) != s {
		return 0, fmt.Errorf("%s is no user's or group's number", strictyaml.Quote(s))
	}
	return uint32(id), nil
}

func (a account) is(id uint32, name string) bool {
	return a.number && a.id == id || !a.number && name != "" && a.name == name
}

// san is a pattern of a certificate's name. "*" and "?" stand for a part between two separators, as
// in the names of servers (RFC 6125, 6.4.3).
type san struct{ kind, pattern string }

// separators divide the names of a kind. An address has none, and no pattern.
var separators = map[string]rune{"DNS": '.', "URI": '/', "email": '@', "IP": unseparated}

func parseSAN(s string) (san, error) {
	kind, pattern, ok := strings.Cut(s, ":")
	sep, known := separators[kind]
	switch {
	case !ok || !known || pattern == "":
		return san{}, fmt.Errorf("%s is no name of a certificate: DNS:NAME, URI:URI, email:ADDRESS or IP:ADDRESS", strictyaml.Quote(s))
	case strings.ContainsAny(pattern, notInPatterns) && kind != "IP" || sep == unseparated && !exact(pattern):
		return san{}, fmt.Errorf("%s: a pattern has * and ? alone, and an address none", strictyaml.Quote(s))
	}
	return san{kind, pattern}, nil
}

func (p san) is(name string) bool {
	kind, value, _ := strings.Cut(name, ":")
	pattern := p.pattern
	if kind == "DNS" || kind == "email" {
		value, pattern = strings.ToLower(value), strings.ToLower(pattern)
	}
	return kind == p.kind && plain(value) && glob(pattern, value, separators[kind])
}

// people are those of whom a rule speaks: whoever is one of its users, has one of its groups, or a
// certificate with one of its names.
type people struct {
	users, groups []account
	certificates  []san
}

func (p *people) include(w *identity.Caller) bool {
	switch w.Known {
	case identity.PeerCredentials:
		is := func(a account) bool { return a.name == anyone || a.is(w.UID, w.User) }
		return slices.ContainsFunc(p.users, is) || slices.ContainsFunc(w.Groups, func(g identity.Group) bool {
			return slices.ContainsFunc(p.groups, func(a account) bool { return a.is(g.ID, g.Name) })
		})
	case identity.Certificate:
		return slices.ContainsFunc(p.certificates, func(c san) bool { return slices.ContainsFunc(w.SANs, c.is) })
	}
	return false
}

// lacks: nobody else is allowed anything by the rule.
func (p *people) lacks(q *question) string {
	if p.include(&q.who) {
		return ""
	}
	return "not for " + q.who.String()
}

// touches: a user or group whose name could not be found out may be the one that is denied.
func (p *people) touches(q *question) bool {
	if p.include(&q.who) {
		return true
	}
	named := func(a account) bool { return !a.number }
	unnamed := func(g identity.Group) bool { return g.Name == "" }
	return q.who.Known == identity.PeerCredentials && (q.who.User == "" && slices.ContainsFunc(p.users, named) ||
		slices.ContainsFunc(q.who.Groups, unnamed) && slices.ContainsFunc(p.groups, named))
}

func readPeople(r *reader, f strictyaml.Field) condition {
	p := &people{}
	for key, v := range r.Fields(f.Value, "who", []string{"users", "groups", "certificates"}) {
		switch key {
		case "users":
			p.users = each(r, v, key, parseAccount)
		case "groups":
			p.groups = each(r, v, key, parseGroup)
		case "certificates":
			p.certificates = each(r, v, key, parseSAN)
		}
	}
	return p
}

func parseGroup(s string) (account, error) {
	if s == anyone {
		return account{}, fmt.Errorf("%q is no group: users: [%q] is every user of this host", s, anyone)
	}
	return parseAccount(s)
}

// IsSAN says whether a text is a certificate's name, and no user's.
func IsSAN(s string) bool {
	kind, _, ok := strings.Cut(s, ":")
	_, known := separators[kind]
	return ok && known
}
