//go:build failpoints

package failpoint

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// On says whether there are points.
const On = true

// Variables that choose what happens at a point.
const (
	// PointVariable is NAME[:N],...: a process is killed at the Nth pass of the point, the first
	// one without N.
	PointVariable = "DLX_FAILPOINT"
	// LogVariable is a file to which the name of each point is added as it is passed.
	LogVariable = "DLX_FAILPOINT_LOG"
)

// At marks a point. In a keeper its name begins with "keeper/", in a session's first process with
// "init/".
func At(name string) {
	if !own().pass(own().role + name) {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the other threads may take a moment
}

// Environ is what another process of dlx's has to know.
func Environ() (list []string) {
	for _, v := range []string{PointVariable, LogVariable} {
		if value, ok := os.LookupEnv(v); ok {
			list = append(list, v+"="+value)
		}
	}
	return list
}

// In says which processes are to be ended before a step of a plan. Points that are passed while the
// plan is made choose them: "plan/STEP" ends the child. Unless that is alone in its pid namespace,
// there are "plan/STEP@dlx", "@keeper" and "@both".
func In(step string, alone bool) Victims {
	name := "plan/" + step
	v := Victims{Child: own().pass(name)}
	if alone {
		return v
	}
	both := own().pass(name + "@both")
	v.Dlx = own().pass(name+"@dlx") || both
	v.Keeper = own().pass(name+"@keeper") || both
	return v
}

// process is what this process does at its points.
type process struct {
	role   string
	points []*point
	log    *os.File
}

// point is where it ends.
type point struct {
	name   string
	nth    int64
	passes atomic.Int64
}

var own = sync.OnceValue(func() *process {
	p := &process{}
	switch filepath.Base(os.Args[0]) {
	case "dlx-keeper":
		p.role = "keeper/"
	case "dlx-init":
		p.role = "init/"
	}
	for name := range strings.SplitSeq(os.Getenv(PointVariable), ",") {
		name, nth, _ := strings.Cut(name, ":")
		n, err := strconv.ParseInt(nth, 10, 64)
		if err != nil {
			n = 1
		}
		p.points = append(p.points, &point{name: name, nth: n})
	}
	if file := os.Getenv(LogVariable); file != "" {
		p.log, _ = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	}
	return p
})

// pass notes that a point is passed, and says whether this is where the process ends.
func (p *process) pass(name string) (end bool) {
	if p.log != nil {
		_, _ = p.log.WriteString(name + "\n")
	}
	for _, at := range p.points {
		end = end || name == at.name && at.passes.Add(1) == at.nth
	}
	return end
}
