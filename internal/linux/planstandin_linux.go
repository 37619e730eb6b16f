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
