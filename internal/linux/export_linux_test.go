package linux

import (
	"context"
	"time"
)

// CopySeized is SeccompFilters from where the process is seized, with something that happens just
// then.
func CopySeized(ctx context.Context, pidfd *FD, pid int, seized func()) (filters []SeccompProgram, err error) {
	done := make(chan struct{})
	go onTracer(func() bool {
		defer close(done)
		t := tracer{ctx: ctx, pidfd: pidfd, pid: pid}
		if err = t.seize(0); err != nil {
			return true
		}
		seized()
		if err = t.stop(); err == nil {
			filters, err = tracedFilters(pid, ctx.Err)
		}
		return t.detach()
	})
	<-done
	return filters, err
}

// ForbidDevices is a program that allows no device.
func ForbidDevices() (*DeviceProgram, error) {
	return loadDeviceProgram([]insn{{code: bpfMove}, {code: bpfExit}})
}

// SetAnswerLimit sets how long an answer to a plan may take, until what it returns is called.
func SetAnswerLimit(d time.Duration) (restore func()) {
	old := answerLimit
	answerLimit = d
	return func() { answerLimit = old }
}

// ErrBadPlan is what a plan of nobody's is refused with.
var ErrBadPlan = errBadPlan

// ParseBirths finds processes in messages of the kernel's.
var ParseBirths = parseBirths
