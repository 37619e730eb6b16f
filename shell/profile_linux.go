package shell

import (
	"fmt"
	"sort"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/seccomp"
	"dlx/nsutil"
)

// ContainerCapabilities are what Docker gives a container by default (moby, daemon/pkg/oci/caps).
var ContainerCapabilities = linux.Caps(linux.CapChown, linux.CapDacOverride, linux.CapFsetid, linux.CapFowner, linux.CapMknod,
	linux.CapNetRaw, linux.CapSetgid, linux.CapSetuid, linux.CapSetfcap, linux.CapSetpcap, linux.CapNetBindService,
	linux.CapSysChroot, linux.CapKill, linux.CapAuditWrite)

// Profile says what a session may do; the names are kubectl debug's.
type Profile struct {
	Name    string
	About   string
	caps    linux.CapSet
	all     bool // every capability that dlx itself has
	nonRoot bool
	copies  bool            // the container's own seccomp filters are taken over, if they can be
	filter  seccomp.Variant // else this one; none for a profile with all capabilities
	without linux.CapSet    // what is left out of it
}

// DefaultProfile is what a session gets unless its user says otherwise.
const DefaultProfile = "general"

var profiles = map[string]Profile{
	"general": {
		About: "a container's default capabilities and SYS_PTRACE, so that strace works",
		caps:  ContainerCapabilities | linux.Caps(linux.CapSysPtrace), filter: seccomp.Debug,
	},
	"baseline":   {About: "a container's default capabilities", caps: ContainerCapabilities, copies: true, filter: seccomp.Default},
	"restricted": {About: "no capability, and not root", nonRoot: true, copies: true, filter: seccomp.Bare},
	"netadmin": {
		About: "a container's default capabilities and NET_ADMIN", caps: ContainerCapabilities | linux.Caps(linux.CapNetAdmin), filter: seccomp.Default,
	},
	"sysadmin": {About: "every capability, as a privileged container has", all: true},
}

// ProfileNames lists the profiles in order.
func ProfileNames() []string {
	var names []string
	for name := range profiles {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// FindProfile looks a profile up; an empty name is the default one.
func FindProfile(name string) (Profile, error) {
	if name == "" {
		name = DefaultProfile
	}
	p, ok := profiles[name]
	if !ok {
		return p, fault.New(fault.BadProfile, name, "no profile %q", name).With(ProfileNames()...)
	}
	p.Name = name
	return p, nil
}

// ErrRootRestricted reports that root was asked for under a profile that has none.
var ErrRootRestricted error = fault.New(fault.RootRestricted, "", "profile restricted does not run as root")

// DefaultUser is the user of a session that asks for none, as UID:GID.
func (p Profile) DefaultUser() string {
	if p.nonRoot {
		return fmt.Sprintf("%d:%d", linux.Nobody, linux.Nobody)
	}
	return "0:0"
}

// credentials puts the profile and the user together. With joinsUser the session enters a user
// namespace, and begins with every capability of it.
func (p Profile) credentials(u User, joinsUser, noNewPrivs bool) (nsutil.Credentials, error) {
	if p.nonRoot && u.UID == 0 {
		return nsutil.Credentials{}, ErrRootRestricted
	}
	caps, err := p.Capabilities()
	if err != nil {
		return nsutil.Credentials{}, err
	}
	if joinsUser && p.all {
		caps = ^p.without
	}
	return nsutil.Credentials{UID: u.UID, GID: u.GID, Groups: u.Groups, Caps: caps, NoNewPrivs: noNewPrivs}, nil
}

// All says whether a session of the profile has all that dlx has.
func (p Profile) All() bool { return p.all }

// Capabilities are what the profile leaves of dlx's own.
func (p Profile) Capabilities() (linux.CapSet, error) {
	own, err := linux.Effective()
	own &^= p.without
	if p.all || err != nil {
		return own, err
	}
	return own & p.caps, nil
}

// ReadOnly is the profile for a read-only view: with CAP_SYS_ADMIN a session could mount it anew.
func (p Profile) ReadOnly() Profile {
	p.without |= linux.Caps(linux.CapSysAdmin)
	return p
}
