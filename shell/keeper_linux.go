package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"dlx/fault"
	"dlx/internal/cgroup"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// keeper starts the session's first process and outlives this one. When its socket closes, however
// dlx came to its end, it ends what is left of the session and removes its cgroup.
//
// A forked process has its parent's memory until it executes its program, and a container may look
// into that. So it is the keeper that forks: it has nothing of dlx's, no variable and no file.
type keeper struct {
	cmd  *exec.Cmd
	conn *linux.FD
}

// errKeeper reports that the process which cleans up after a kill -9 could not be started.
var errKeeper = errors.New("start the session's keeper")

// startKeeper starts it before the cgroup of a name is made, if there is to be one, so somebody
// will always clean up. It is dlx-init by another name: that starts in a third of dlx's time. It
// has stopped's process go on in the end.
func startKeeper(program *linux.FD, name string, stopped *nsutil.Process) (*keeper, error) {
	conn, theirs, err := linux.Pair()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, err)
	}
	dup, err := program.Dup()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, errors.Join(err, conn.Close(), theirs.Close()))
	}
	file := dup.File("dlx-init")
	cmd := &exec.Cmd{
		// os/exec gives the program this number. By any other it could be another file by then:
		// os/exec puts a pipe of its own where it likes (syscall.forkAndExecInChild).
		Path:       "/proc/self/fd/" + strconv.Itoa(cgroup.KeeperProgram),
		Args:       []string{cgroup.KeeperName, name},
		Env:        append([]string{}, failpoint.Environ()...), // none
		Dir:        "/",
		Stdin:      theirs,
		ExtraFiles: []*os.File{file},
		// It has a session of its own: the end of dlx's process group or terminal is not its end.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = give(cmd, stopped)
	failpoint.At("keeper.paired")
	if err == nil {
		err = cmd.Start()
	}
	failpoint.At("keeper.forked")
	if err = errors.Join(err, theirs.Close(), closeAll(cmd.ExtraFiles)); err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, errors.Join(err, conn.Close()))
	}
	return &keeper{cmd, conn}, nil
}

// give gives a keeper the handle of a process that is to be stopped, if there is one.
func give(cmd *exec.Cmd, stopped *nsutil.Process) error {
	if stopped == nil {
		return nil
	}
	handle, err := stopped.Handle()
	if err != nil {
		return err
	}
	cmd.Args = append(cmd.Args, cgroup.KeeperStopped)
	cmd.ExtraFiles = append(cmd.ExtraFiles, handle.File("pidfd"))
	return nil
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// spawn starts a session's first process.
func (k *keeper) spawn(ctx context.Context, plan *linux.Plan) (*nsutil.Child, error) {
	pid, pidfd, err := plan.ForkBy(ctx, k.conn)
	if errors.Is(err, linux.ErrServerEnded) {
		return nil, fault.New(fault.KeeperLost, "", "the session's keeper has ended before the session began: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &nsutil.Child{PID: pid, Pidfd: pidfd}, nil
}

// reaped waits, for a moment, until the keeper has reaped the process, which has ended, and returns
// its status. Where the keeper is gone somebody else reaps it, and the status is 0.
func (k *keeper) reaped(limit time.Duration) linux.WaitStatus {
	ws, _ := linux.Ended(k.conn, limit)
	return ws
}

// dismiss ends the keeper; the session has cleaned up by itself.
func (k *keeper) dismiss() {
	_ = k.cmd.Process.Kill()
	failpoint.At("keeper.killed")
	_ = k.conn.Close()
	_ = k.cmd.Wait()
}

// hand leaves the cleaning to the keeper. It may wait for a process that can not be killed.
func (k *keeper) hand() error {
	go func() { _ = k.cmd.Wait() }()
	return k.conn.Close()
}
