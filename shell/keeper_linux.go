package shell

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"

	"dlx/internal/cgroup"
	"dlx/internal/linux"
)

// keeper is a process that outlives this one: when the pipe closes, however dlx came to its end, it ends what is left of
// the session and removes its cgroup.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// errKeeper reports that the process which cleans up after a kill -9 could not be started.
var errKeeper = errors.New("start the session's keeper")

// startKeeper starts it before the cgroup is made, so that there is no moment at which nobody would clean up. It is dlx-init by
// another name, which starts in a third of the time that dlx takes.
func startKeeper(program *linux.FD, name string) (*keeper, error) {
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/" + strconv.Itoa(program.Int()), // the child's, which has it until it executes it
		Args: []string{cgroup.KeeperName, name},
		Env:  []string{"GOMAXPROCS=1"},
		Dir:  "/",
		// A session of its own, so that what ends dlx's process group or terminal does not end it too.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, err)
	}
	return &keeper{cmd, pipe}, nil
}

// dismiss ends the keeper; the session has cleaned up by itself.
func (k *keeper) dismiss() {
	_ = k.cmd.Process.Kill()
	_ = k.pipe.Close()
	_ = k.cmd.Wait()
}

// hand lets the keeper do the cleaning and waits for it.
func (k *keeper) hand() error {
	_ = k.pipe.Close()
	return k.cmd.Wait()
}
