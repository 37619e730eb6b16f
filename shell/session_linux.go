package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"dlx/internal/cgroup"
	"dlx/internal/failpoint"
	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/nsutil"
)

// Session is the place for a command: a cgroup with limits, and a keeper that cleans up if this
// process is killed. It is used once. Its owner closes it.
type Session struct {
	keeper    *keeper
	group     string // the cgroup's name; "": it has none
	cgroup    *cgroup.Group
	limits    Limits
	profile   Profile
	restraint *restraint
}

// Limits bound what a session may use of the host. It gets at least so many processes and threads.
type Limits = cgroup.Limits

// DefaultLimits leave room for a debugger and little for a mistake.
var DefaultLimits = Limits{Memory: 1 << 30, Pids: 512}

// Options say what a session is to be held back by, and by what not.
type Options struct {
	Profile Profile
	Limits  Limits
	Devices []linux.Device // that the container may not open
	// Rootless makes a session of who is root of a user namespace alone, where no control group can
	// be had: it has no limits, and its view sees to its devices.
	Rootless bool
	// Stopped is a process that is to be stopped while the command runs: however dlx comes to its
	// end, it then goes on.
	Stopped *nsutil.Process
	// Ready is a keeper that was prepared with the same program, or nil. New takes it
	// over, unless the session is Rootless or has a process Stopped.
	Ready *Ready
}

// New makes a session for a container's process, and cleans up after sessions that nobody else
// will. program is dlx-init, sealed. Its threads are in the cgroup and do not count in the limits.
// One that it need not make is left to the command. It is an error if the session can not be
// restrained as the container is.
func New(ctx context.Context, program *linux.FD, p *nsutil.Process, o Options) (*Session, error) {
	k, name, err := o.keeper(program)
	if err != nil {
		return nil, err
	}
	failpoint.At("session.kept")
	s := &Session{keeper: k, group: name, cgroup: &cgroup.Group{}, limits: o.Limits, profile: o.Profile}
	if s.restraint, err = restrain(ctx, p, o.Profile); err == nil {
		failpoint.At("session.restrained")
		err = s.makeGroup(name, p, o.Devices)
	}
	if err != nil {
		k.dismiss()
		return nil, err
	}
	return s, nil
}

// keeper is one that was prepared, or else starts. name is that of the cgroup to be made, if any.
func (o *Options) keeper(program *linux.FD) (k *keeper, name string, err error) {
	if !o.Rootless {
		us, err := self()
		if err != nil {
			return nil, "", err
		}
		sweep(us)
		failpoint.At("session.swept")
		if o.Ready.Lives() && o.Stopped == nil {
			k, name = o.Ready.take()
			return k, name, nil
		}
		name = us.groupName()
	}
	k, err = startKeeper(program, name, o.Stopped)
	return k, name, err
}

// Restraints are what holds the session back.
func (s *Session) Restraints() Restraints { return s.restraint.told }

// Group is the name of the session's control group, "" if it has none.
func (s *Session) Group() string { return s.group }

// makeGroup makes the session's cgroup, with the devices of the process's, and more. Without a name
// there is none.
func (s *Session) makeGroup(name string, p *nsutil.Process, more []linux.Device) error {
	if name == "" {
		s.restraint.told.Devices, s.restraint.told.Unlimited = "the usual ones", true
		return nil
	}
	devices, err := devicesOf(p)
	if err != nil {
		return err
	}
	limits := s.limits
	limits.Pids += initproto.Threads
	s.restraint.told.Devices = devices.String()
	for _, d := range more {
		s.restraint.told.Devices += " and " + d.Rule()
	}
	if err = devices.Allow(more); err == nil {
		s.cgroup, err = cgroup.New(name, limits, devices)
	}
	return errors.Join(err, devices.Close())
}

// devicesOf reads the rules of the process's cgroup. That is looked up by its name: since the
// process is in it afterwards, it was that group.
func devicesOf(p *nsutil.Process) (*cgroup.Devices, error) {
	membership, err := p.Cgroups()
	if err != nil {
		return nil, err
	}
	devices, err := cgroup.DevicesOf(membership)
	if err != nil {
		return nil, errors.Join(p.Alive(), err)
	}
	again, err := p.Cgroups()
	if err == nil && !bytes.Equal(membership, again) {
		err = errMoved
	}
	if err = errors.Join(err, p.Alive()); err != nil {
		return nil, errors.Join(err, devices.Close())
	}
	return devices, nil
}

var errMoved = errors.New("the container's process was moved to another cgroup meanwhile")

// Close ends whatever is left of the session.
func (s *Session) Close() error {
	if err := s.cgroup.Clean(context.Background()); err != nil {
		return errors.Join(err, s.keeper.hand())
	}
	failpoint.At("session.cleaned")
	s.keeper.dismiss()
	return nil
}

// Spec is what a session runs, and where.
type Spec struct {
	Process *nsutil.Process
	Join    nsutil.Type
	MountNS *linux.FD // the view's mount namespace and root
	Root    *linux.FD
	Pts     *linux.FD // the view's /dev/pts; may be nil
	Home    *linux.FD // a folder that becomes the user's; may be nil
	Init    *linux.FD // dlx-init, sealed
	User    User
	Dir     string // working directory
	Command []string
	Env     []string
	Toolbox bool // the tools are on PATH
	TTY     bool
	Streams Streams
}

// Run runs the command and returns its exit status, 0 to 255, with 128+N for signal N. A command
// that can not be run is a fault.CommandNotFound or CommandNotRun. If the container ends, it is
// ErrTargetEnded. Output that could not be written is an error, unless its reader has gone away.
// When ctx ends, the command gets SIGTERM, then, after a grace period, SIGKILL.
func (s *Session) Run(ctx context.Context, spec Spec) (int, error) {
	if s.restraint.told.Unlimited {
		var err error
		if s.cgroup, err = cgroup.InMounts(spec.MountNS); err != nil {
			return 0, err
		}
	}
	streams, err := newStdio(spec.Streams, spec.TTY, spec.Pts)
	if err != nil {
		return 0, err
	}
	r, err := s.start(ctx, spec, streams)
	if err = errors.Join(err, streams.closeChild()); err != nil {
		return 0, errors.Join(err, streams.close())
	}
	failpoint.At("session.started")
	r.begin(ctx)
	failpoint.At("session.running")
	code, err := r.wait(ctx)
	failpoint.At("session.waited")
	if eerr := s.cgroup.End(context.WithoutCancel(ctx)); eerr != nil && err == nil {
		err = eerr
	}
	failpoint.At("session.ended")
	streams.drain(ctx)
	if err == nil {
		err = streams.lost()
	}
	return code, errors.Join(err, streams.close())
}

// start starts dlx-init with the command.
func (s *Session) start(ctx context.Context, spec Spec, streams *stdio) (*running, error) {
	differ, err := spec.Process.Differing()
	if err != nil {
		return nil, err
	}
	creds, err := s.profile.credentials(spec.User, differ&spec.Join&nsutil.User != 0, s.restraint.told.NoNewPrivs)
	if err != nil {
		return nil, err
	}
	if s.restraint.told.GroupsKept {
		creds.Groups, creds.HostGroups = s.restraint.groups, true
		if creds.OwnGroups, err = setgroupsDenied(); err != nil {
			return nil, err
		}
	}
	if err := s.give(spec, streams, differ&spec.Join&nsutil.User != 0); err != nil {
		return nil, err
	}
	failpoint.At("session.given")
	tasks, group, err := s.cgroup.Entries()
	if err != nil {
		return nil, err
	}
	defer linux.CloseAll(append(tasks, group)...) //nolint:errcheck // opened for the child only
	status, theirs, err := linux.PipeFile(true)
	if err != nil {
		return nil, err
	}
	plan := nsutil.Spec{
		Process: spec.Process,
		Join:    spec.Join,
		MountNS: spec.MountNS,
		Root:    spec.Root,
		Tasks:   tasks,
		Cgroup:  group,
		Creds:   creds,
		Limits:  s.restraint.limits,
		Own:     s.restraint.own,
		Filters: s.restraint.filters,
		Program: spec.Init,
		Args:    initproto.Args(spec.TTY, spec.Dir, spec.Command),
		Env:     spec.Env,
		Stdio:   streams.child,
		Status:  theirs,
	}
	failpoint.At("session.planned")
	child, err := s.spawn(ctx, &plan)
	failpoint.At("session.spawned")
	if err = errors.Join(err, theirs.Close()); err != nil {
		if s.cgroup.OutOfMemory() {
			err = memoryTooLow(s.limits.Memory)
		}
		return nil, errors.Join(err, status.Close())
	}
	return newRunning(spec, s, streams, child, status), nil
}

// spawn has the keeper start the process.
func (s *Session) spawn(ctx context.Context, spec *nsutil.Spec) (*nsutil.Child, error) {
	plan, err := spec.Plan()
	if err != nil {
		return nil, err
	}
	child, err := s.keeper.spawn(ctx, plan)
	if errors.Is(err, linux.ErrNotExecuted) {
		err = s.restraint.blame(err)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s in the namespaces of process %d: %w", spec.Args[0], spec.Process.PID(), errors.Join(err, spec.Process.Alive()))
	}
	return child, nil
}

// give hands the child's descriptors, and the home, to its user.
func (s *Session) give(spec Spec, streams *stdio, otherUserNS bool) error {
	uid, gid := spec.User.UID, spec.User.GID
	if otherUserNS {
		var err error
		if uid, gid, err = spec.Process.HostIDs(uid, gid); err != nil {
			return err
		}
	}
	if spec.Home != nil {
		if err := linux.Fchown(spec.Home, int(uid), int(gid)); err != nil {
			return err
		}
	}
	return streams.give(uid, gid)
}
