package linux

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCapabilities gives up all of them, the bounding set too if that can be had (CAP_SETPCAP).
// Without it the caller has no_new_privs: root would get them back by executing (capabilities(7)).
func (p *Plan) NoCapabilities() {
	for c := 0; c <= lastCap; c++ {
		p.prctl(fmt.Sprintf("drop capability %d from the bounding set", c), val(unix.PR_CAPBSET_DROP), val(c)).optional = true
	}
	p.prctl("clear the ambient set", val(unix.PR_CAP_AMBIENT), val(unix.PR_CAP_AMBIENT_CLEAR_ALL)).optional = true
	p.capset(0)
}

// Unshare plans new namespaces (unshare(2)). That of processes is one for those that are cloned
// next.
func (p *Plan) Unshare(what string, flags int) {
	p.call("make "+what+" namespaces", unix.SYS_UNSHARE, val(flags))
}

// SetnsStatus joins the namespace that Files was given in place of a status, and closes it.
func (p *Plan) SetnsStatus(what string, flags int) {
	const status = 3
	p.call("join "+what+" namespace", unix.SYS_SETNS, val(status), val(flags))
	p.call("close", unix.SYS_CLOSE, val(status))
}

// MountProc mounts the /proc of the child's pid namespace, on a directory that is nobody else's.
func (p *Plan) MountProc() {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	p.call("mount /proc", unix.SYS_MOUNT, p.cstring("proc"), p.cstring("/proc"), p.cstring("proc"), val(flags), val(0))
}

// Hostname names the host in the child's own namespace.
func (p *Plan) Hostname(name string) {
	p.call("set the host name", unix.SYS_SETHOSTNAME, p.cstring(name), val(len(name)))
}
