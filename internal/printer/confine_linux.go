package printer

import (
	"errors"
	"runtime/debug"
	"time"

	"dlx/internal/linux"
)

// memoryLimit bounds what a process takes that takes packets apart, in bytes. A Go program maps
// some 100 MiB of it from the start. softLimit is what the collector tries to stay below.
const (
	memoryLimit = 512 << 20
	softLimit   = 256 << 20
)

// Confine leaves the process what it takes to print packets that it has open. Names have to be
// looked up before, those of services as well. A kernel without seccomp is no error: the process
// has no privileges anyway.
func Confine() error {
	_ = time.Now().Local().String() // reads the time zone
	time.AfterFunc(0, func() {})    // opens what the runtime waits with
	debug.SetMemoryLimit(softLimit)
	if err := linux.LimitMemory(memoryLimit); err != nil {
		return err
	}
	err := linux.Confine()
	if errors.Is(err, linux.ErrNoSys) || errors.Is(err, linux.ErrInvalid) {
		return nil
	}
	return err
}
