package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dlx/engine"
	"dlx/internal/strictyaml"
	"dlx/toolbox"
)

// profileNames are those of package shell, which knows them on Linux alone.
var profileNames = []string{"baseline", "general", "netadmin", "restricted", "sysadmin"}

var fsNames = []string{string(engine.FSToolbox), string(engine.FSHost), string(engine.FSTarget)}

// profiles are those that a session may have.
type profiles []string

func (list profiles) lacks(q *question) string {
	if s := q.op.Session; s != nil && !slices.Contains(list, s.Restraints.Profile) {
		return "profile " + s.Restraints.Profile + " is not in profiles"
	}
	return ""
}

func (list profiles) touches(q *question) bool {
	return q.op.Session != nil && slices.Contains(list, q.op.Session.Restraints.Profile)
}

// filesystems are what a session may see at /.
type filesystems []engine.FS

func (list filesystems) lacks(q *question) string {
	if s := q.op.Session; s != nil && !slices.Contains(list, s.FS) {
		return "file system " + string(s.FS) + " is not in fs"
	}
	return ""
}

func (list filesystems) touches(q *question) bool {
	return q.op.Session != nil && slices.Contains(list, q.op.Session.FS)
}

// insider is a user of a container, by numbers: any of them, one, or one with no group but gid.
type insider struct {
	any, grouped bool
	uid, gid     uint32
}

func parseInsider(s string) (u insider, err error) {
	if s == anyone {
		return insider{any: true}, nil
	}
	uid, gid, grouped := strings.Cut(s, ":")
	u.grouped = grouped
	if u.uid, err = parseID(uid); err == nil && grouped {
		u.gid, err = parseID(gid)
	}
	if err != nil {
		return u, fmt.Errorf(`%s is no user of a container: UID, UID:GID or "*", since names are the container's own`, strictyaml.Quote(s))
	}
	return u, nil
}

// insiders are the users of the container that a session may be.
type insiders []insider

func (list insiders) lacks(q *question) string {
	s := q.op.Session
	if s == nil || slices.ContainsFunc(list, func(u insider) bool {
		other := func(gid uint32) bool { return gid != u.gid }
		return u.any || u.uid == s.User.UID && (!u.grouped || u.gid == s.User.GID && !slices.ContainsFunc(s.User.Groups, other))
	}) {
		return ""
	}
	return fmt.Sprintf("user %d:%d of the container is not in users", s.User.UID, s.User.GID)
}

func (list insiders) touches(q *question) bool {
	s := q.op.Session
	return s != nil && slices.ContainsFunc(list, func(u insider) bool {
		return u.any || u.uid == s.User.UID && (!u.grouped || u.gid == s.User.GID || slices.Contains(s.User.Groups, u.gid))
	})
}

// device is a pattern of a path below /dev, and what may be done with what it matches.
type device struct{ path, access string }

const (
	devDir    = "/dev/"
	allAccess = "rwm"
)

// cutDevice takes /dev/NAME[:ACCESS] apart as the engine does.
func cutDevice(s string) device {
	name, access, given := strings.Cut(s, ":")
	if !given {
		access = allAccess
	}
	return device{path.Clean(name), access}
}

func parseDevice(s string) (device, error) {
	d := cutDevice(s)
	if !strings.HasPrefix(d.path, devDir) || d.access == "" || strings.Trim(d.access, allAccess) != "" {
		return d, fmt.Errorf("%s is no device: /dev/NAME, or /dev/NAME:ACCESS with some of r, w and m", strictyaml.Quote(s))
	}
	_, err := parsePattern(d.path)
	return d, err
}

// devices are those of the host's that a session may have; none, if a rule names none.
type devices []device

func (list devices) lacks(q *question) string {
	if q.op.Session == nil {
		return ""
	}
	for _, name := range q.op.Session.Devices {
		wanted := cutDevice(name)
		if !slices.ContainsFunc(list, func(d device) bool {
			return plain(wanted.path) && glob(d.path, wanted.path, '/') && wanted.access != "" && strings.Trim(wanted.access, d.access) == ""
		}) {
			return "device " + name + " is not in devices"
		}
	}
	return ""
}

func (list devices) touches(q *question) bool {
	return q.op.Session != nil && slices.ContainsFunc(q.op.Session.Devices, func(name string) bool {
		wanted := cutDevice(name)
		return slices.ContainsFunc(list, func(d device) bool {
			return glob(d.path, wanted.path, '/') && (wanted.access == "" || strings.ContainsAny(wanted.access, d.access))
		})
	})
}

// box is an entry of toolboxes: what has the name, and whom the key belongs to vouches for.
type box struct{ name, key string }

// boxes are the toolboxes that may be brought along, beside the one that comes with dlx.
type boxes []box

func (list boxes) lacks(q *question) string {
	for _, p := range q.op.Toolboxes {
		if p.Key != toolbox.BuiltIn && !slices.ContainsFunc(list, func(b box) bool {
			return (b.name == "" || matches(b.name, p.Name)) && (b.key == "" || matches(b.key, p.Key))
		}) {
			return "toolbox " + p.Name + ", signed by " + p.Key + ", is not in toolboxes"
		}
	}
	return ""
}

func (list boxes) touches(q *question) bool {
	return slices.ContainsFunc(q.op.Toolboxes, func(p toolbox.Part) bool {
		return slices.ContainsFunc(list, func(b box) bool {
			return (b.name == "" || meets(b.name, p.Name)) && (b.key == "" || meets(b.key, p.Key))
		})
	})
}

// privileged says whether sessions may be in containers that have the host's administrator's
// rights, and so with them.
type privileged bool

func (p privileged) lacks(q *question) string {
	if s := q.op.Session; s != nil && s.Restraints.Privileged && !bool(p) {
		return "the container is privileged, and privileged: true is not there"
	}
	return ""
}

func (p privileged) touches(q *question) bool {
	return q.op.Session != nil && q.op.Session.Restraints.Privileged == bool(p)
}

func readBoxes(r *reader, f strictyaml.Field) condition {
	var list boxes
	for _, n := range r.list(f, "toolboxes") {
		var b box
		for key, v := range r.Fields(n, "an entry of toolboxes", []string{"name", "key"}) {
			switch key {
			case "name":
				b.name = one(r, v, key, parsePattern)
			case "key":
				b.key = one(r, v, key, parsePattern)
			}
		}
		list = append(list, b)
	}
	return list
}
