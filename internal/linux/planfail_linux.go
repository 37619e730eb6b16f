package linux

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"dlx/internal/failpoint"
)

// fail plans who is killed before a step, in a build with fail points. A child in another pid
// namespace can end nobody but itself.
func (p *Plan) fail(step string) {
	v := failpoint.In(step, slices.ContainsFunc(p.steps, func(s planStep) bool { return s.fork }))
	if v.Dlx {
		p.kill(val(os.Getpid()))
	}
	if v.Keeper {
		p.add("find the parent", unix.SYS_GETPPID)
		p.kill(lastResult())
	}
	if v.Child {
		p.add("find itself", unix.SYS_GETPID)
		p.kill(lastResult())
	}
}

func (p *Plan) kill(who planArg) {
	p.add("kill", unix.SYS_KILL, who, val(int(unix.SIGKILL))).optional = true // one that has ended already
}
