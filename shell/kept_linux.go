package shell

import (
	"context"
	"errors"
	"fmt"

	"dlx/internal/cgroup"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// Kept is a process of dlx's own that is no session's, in a cgroup of its own. However dlx ends,
// its keeper ends what is in the group. The process itself ends with its input, whose other end is
// dlx's alone: then the keeper may be gone too. Its owner closes it.
type Kept struct {
	*nsutil.Process
	keeper *keeper
	cgroup *cgroup.Group
	child  *nsutil.Child
	life   *linux.FD // the other end
}

// KeptLimits are for a process that does nothing, and its threads.
var KeptLimits = Limits{Memory: 64 << 20, Pids: 32}

// Entries put a child into a group: the tasks files of version 1, the directory of version 2. Input
// is to be its standard input.
type Entries struct {
	Tasks []*linux.FD
	Dir   *linux.FD
	Input *linux.FD
}

// Into plans it.
func (e *Entries) Into(plan *linux.Plan) {
	if e.Dir != nil {
		plan.InCgroup(e.Dir)
	}
	for _, tasks := range e.Tasks {
		plan.JoinCgroup(tasks)
	}
}

// Keep starts a process by a plan that begins with entering its group. It may open the devices that
// the rules allow. program is dlx-init, sealed.
func Keep(ctx context.Context, program *linux.FD, devices *cgroup.Devices, plan func(*Entries) (*linux.Plan, error)) (k *Kept, err error) {
	us, err := self()
	if err != nil {
		return nil, err
	}
	sweep(us)
	name := us.groupName()
	k = &Kept{}
	if k.keeper, err = startKeeper(program, name, nil); err != nil {
		return nil, err
	}
	failpoint.At("kept.kept")
	defer func() {
		if err != nil {
			err, k = errors.Join(err, k.Close()), nil
		}
	}()
	if k.cgroup, err = cgroup.New(name, KeptLimits, devices); err != nil {
		return k, err
	}
	failpoint.At("kept.grouped")
	if err = k.start(ctx, plan); err != nil {
		return k, fmt.Errorf("start a process of dlx's own: %w", err)
	}
	failpoint.At("kept.started")
	// It was opened by its number: it has not ended, so the number is still its own.
	if k.Process, err = nsutil.Open(k.child.PID); err == nil {
		err = linux.PidfdSignal(k.child.Pidfd, 0)
	}
	return k, err
}

func (k *Kept) start(ctx context.Context, plan func(*Entries) (*linux.Plan, error)) error {
	tasks, dir, err := k.cgroup.Entries()
	if err != nil {
		return err
	}
	defer linux.CloseAll(append(tasks, dir)...) //nolint:errcheck // opened for the child only
	input, life, err := linux.Pipe()
	if err != nil {
		return err
	}
	defer input.Close()
	k.life = life
	p, err := plan(&Entries{tasks, dir, input})
	if err != nil {
		return err
	}
	k.child, err = k.keeper.spawn(ctx, p)
	return err
}

// Kill ends the process alone.
func (k *Kept) Kill() error { return linux.PidfdSignal(k.child.Pidfd, linux.SIGKILL) }

// Close ends the process, and all that is in its group and in its pid namespace.
func (k *Kept) Close() error {
	if k == nil {
		return nil
	}
	err := errors.Join(k.Process.Close(), k.life.Close())
	if k.child != nil {
		_ = linux.PidfdSignal(k.child.Pidfd, linux.SIGKILL)
		k.keeper.reaped(cgroup.EndLimit)
		err = errors.Join(err, k.child.Pidfd.Close())
	}
	failpoint.At("kept.killed")
	if k.cgroup != nil {
		if cerr := k.cgroup.Clean(context.Background()); cerr != nil {
			return errors.Join(err, cerr, k.keeper.hand())
		}
	}
	k.keeper.dismiss()
	return err
}
