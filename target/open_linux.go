package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// Target is a container and a hold on its first process. Its owner closes it.
type Target struct {
	Info
	Process *nsutil.Process
	set     *Set
	end     func() error // of a process that stands for it; nil: it has one
}

// Stand is a target for which a process of dlx's own stands. Closing it ends that.
func Stand(c *Info, p *nsutil.Process, end func() error) *Target {
	return &Target{Info: *c, Process: p, end: end}
}

// Stood says whether a process of dlx's own stands for the target.
func (t *Target) Stood() bool { return t.end != nil }

// Close gives up the hold.
func (t *Target) Close() error {
	err := t.Process.Close()
	if t.end != nil {
		err = errors.Join(err, t.end())
		t.end = func() error { return nil }
	}
	return err
}

// Open finds a container, takes hold of its process and verifies that it is the container's. A
// container without one is a fault.NotRunning.
func (s *Set) Open(ctx context.Context, text string) (*Target, error) {
	t, err := s.Take(ctx, text)
	if err != nil {
		return nil, err
	}
	if err := t.Verify(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Take is Open without the verifying. Until that is done the process may be another container's or
// nobody's: let in, show and keep nothing that comes of it.
func (s *Set) Take(ctx context.Context, text string) (*Target, error) {
	info, err := s.Resolve(ctx, text)
	if err != nil {
		return nil, err
	}
	if info.Runtime == NetNSScheme && s.standIn != nil {
		p, end, err := s.standIn(ctx, info)
		if err != nil {
			return nil, err
		}
		return Stand(info, p, end), nil
	}
	if !info.State.Live() || info.PID <= 0 {
		return nil, notRunning(info)
	}
	p, err := nsutil.Open(info.PID)
	if errors.Is(err, fs.ErrPermission) {
		return nil, denied(info.PID, err)
	}
	if errors.Is(err, nsutil.ErrGone) && info.Runtime == PIDScheme {
		return nil, noProcess(info.ID)
	}
	if errors.Is(err, nsutil.ErrGone) {
		return nil, changed(info, "its process has ended")
	}
	if err != nil {
		return nil, err
	}
	return &Target{Info: *info, Process: p, set: s}, nil
}

// Verify asks the runtime once more now that the process is held, and the process whether it is the
// container's. One that was named by its number, or is dlx's own, is what it is.
func (t *Target) Verify(ctx context.Context) error {
	if t.Runtime == PIDScheme || t.Stood() {
		return nil
	}
	again, err := t.set.Inspect(ctx, &t.Info)
	if err != nil {
		return err
	}
	if again.PID != t.PID || !again.Started.Equal(t.Started) || !again.State.Live() {
		return changed(&t.Info, "it was restarted")
	}
	if err := t.Process.Alive(); err != nil {
		return changed(&t.Info, "its process has ended")
	}
	cgroup, err := t.Process.Cgroups()
	if err != nil {
		return err
	}
	switch in := containerIn(cgroup); {
	case t.Holds(cgroup):
		return nil
	case t.Cgroup != "":
		return changed(&t.Info, "process %d is not in its cgroup %s", t.PID, t.Cgroup)
	case t.BareID() != t.ID: // containerd knows no start but the process's own, which proves nothing
		return changed(&t.Info, "its runtime tells no cgroup to know process %d by", t.PID)
	case in != "":
		return changed(&t.Info, "its process's number is another container's")
	}
	return t.verifyStart()
}

// Holds says whether a process whose /proc/PID/cgroup has this content is in the container's
// cgroup, as far as its runtime, or its ID, tells which that is.
func (c *Info) Holds(cgroup []byte) bool {
	if c.Cgroup != "" {
		return within(cgroup, c.Cgroup)
	}
	return IsRandomID(c.ID) && bytes.Contains(cgroup, []byte(c.ID))
}

// Neighbour is the ID of a container that a process with this /proc/PID/cgroup is in, if it may be
// one that takes c's place: its cgroup is where c's is, and named as that. Otherwise it is "".
func (c *Info) Neighbour(cgroup []byte) string {
	id := containerIn(cgroup)
	if c.Place == "" || c.Cgroup == "" || id == "" || id == c.BareID() || !within(cgroup, strings.Replace(c.Cgroup, c.BareID(), id, 1)) {
		return ""
	}
	return strings.TrimSuffix(c.ID, c.BareID()) + id
}

// startSlack is how far the runtime's clock for "started" may be from the kernel's: runc makes the
// process first, and the runtime notes the time when it hears of it.
const startSlack = time.Minute

// verifyStart compares start times, for a process whose cgroup does not name a container.
func (t *Target) verifyStart() error {
	ticks, err := t.Process.StartTicks()
	if err != nil {
		return err
	}
	boot, err := linux.BootTime()
	if err != nil {
		return err
	}
	started := boot.Add(time.Duration(ticks) * time.Second / linux.ClockTicks)
	if diff := t.Started.Sub(started); diff < -time.Second || diff > startSlack {
		return changed(&t.Info, "process %d is not in its cgroup and started %s earlier", t.PID, diff.Round(time.Second))
	}
	return nil
}

// environLimit is a little more than a session's environment may have.
const environLimit = 2 << 20

// Environ is the environment that the container's first process was given. It is the runtime's, or
// that of /proc for a process without one. What is too long for any session is nsutil.ErrTooLong.
func (t *Target) Environ() ([]string, error) {
	if t.Runtime != PIDScheme {
		return t.Env, nil
	}
	environ, err := t.Process.ReadFile("environ", environLimit)
	if err != nil {
		return nil, fmt.Errorf("read the environment of process %d: %w", t.PID, err)
	}
	return strings.FieldsFunc(string(environ), func(r rune) bool { return r == 0 }), nil
}
