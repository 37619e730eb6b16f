package engine

import (
	"context"
	"errors"
	"time"

	"dlx/fault"
	"dlx/inject"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/target"
	"dlx/toolbox"
)

// viewLimit bounds the building of a view, which walks file systems that the container mounted.
const viewLimit = 10 * time.Second

// debug is one session in the making. Each field has this one owner.
type debug struct {
	local   *Local
	req     DebugRequest
	profile shell.Profile
	target  *target.Target
	stood   *stood // for what does not run; nil: it runs
	tools   *toolbox.Verified
	seen    func() error // notes that the tools are used
	limits  shell.Limits
	user    shell.User
	// accounts are those that the session's files name.
	accounts shell.Accounts
	devices  []inject.Device // those that the request names
	box      *inject.Mounted // for FSToolbox
	init     *linux.FD
	keeper   *shell.Ready // that was prepared for it; may be nil
	session  *shell.Session
	view     *inject.View
	held     *holding // of a container that was waited for
}

// Debug runs a command in a target. What can be prepared without knowing the target is prepared
// while it is looked up.
func (l *Local) Debug(ctx context.Context, req DebugRequest, streams Streams) (code int, err error) {
	defer func() { err = fault.In(string(VerbDebug), req.Target, err) }()
	if err := requireSession(); err != nil {
		return 0, err
	}
	d := &debug{local: l, req: req, limits: shell.DefaultLimits, seen: func() error { return nil }}
	if req.Memory > 0 {
		d.limits.Memory = req.Memory
	}
	if req.Pids > 0 {
		d.limits.Pids = req.Pids
	}
	if d.profile, err = shell.FindProfile(req.Profile); err != nil {
		return 0, err
	}
	if req.ReadOnly {
		d.profile = d.profile.ReadOnly()
	}
	if err := d.check(); err != nil {
		return 0, err
	}
	if d.devices, err = findDevices(req.Devices); err != nil {
		return 0, err
	}
	if err := d.rootless(); err != nil {
		return 0, err
	}
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, req.Timeout, ErrTimeout)
		defer cancel()
	}
	defer func() { err = errors.Join(d.explain(err), d.close()) }()
	if err := d.gather(ctx, streams); err != nil {
		return 0, err
	}
	failpoint.At("debug.prepared")
	err = together(
		func() error { return d.see(ctx) },
		func() error { return d.begin(ctx) },
		func() error { return d.lookUp(ctx) })
	if err != nil {
		return 0, err
	}
	failpoint.At("debug.begun")
	return d.run(ctx, streams)
}

func (d *debug) check() error {
	if err := d.checkHold(); err != nil {
		return err
	}
	switch d.req.FS {
	case "":
		d.req.FS = FSToolbox
	case FSToolbox:
	case FSHost, FSTarget:
		if len(d.req.Toolboxes) > 0 {
			return ErrNoToolbox
		}
	default:
		return fault.New(fault.BadFileSystem, string(d.req.FS), "no file system %q", string(d.req.FS))
	}
	return nil
}

// rootless refuses what nobody can have without root.
func (d *debug) rootless() error {
	switch {
	case !d.local.rootless:
	case d.req.Memory > 0 || d.req.Pids > 0:
		return fault.New(fault.NoLimits, "", "this user may make no control group, which a limit of memory or processes takes")
	case len(d.req.Devices) > 0:
		return fault.New(fault.NoPrivileges, d.req.Devices[0], "no permission to give a session a device")
	}
	return nil
}

// open takes hold of the target.
func (d *debug) open(ctx context.Context) (err error) {
	d.target, d.stood, err = d.local.openFor(ctx, d.req)
	failpoint.At("debug.opened")
	return err
}

// place verifies the tools where they will be seen.
func (d *debug) place(ctx context.Context) (err error) {
	if d.req.FS != FSToolbox {
		return nil
	}
	if d.tools, d.seen, err = d.local.toolboxes(d.req.Toolboxes); err != nil {
		return err
	}
	d.box, err = d.placeTools(ctx)
	failpoint.At("debug.placed")
	return err
}

// prepare seals the session's first process in memory, which is its keeper too.
func (d *debug) prepare() error {
	if d.init, d.keeper = d.local.ready.take(); d.init != nil {
		return nil
	}
	own, err := d.local.bundled()
	switch {
	case err != nil && d.req.FS == FSToolbox:
		return nil // which place reports
	case err != nil:
		return err
	}
	d.init, err = sealedInit(own)
	failpoint.At("debug.sealed")
	return err
}

// begin makes the session's cgroup and starts its keeper, once the tools are placed. Placing them
// keeps every processor busy, and what comes next does not: the keeper's start is hidden behind it.
func (d *debug) begin(ctx context.Context) (err error) {
	o := shell.Options{Profile: d.profile, Limits: d.limits, Rootless: d.local.rootless, Stopped: d.held.stoppable(), Ready: d.keeper}
	for _, device := range d.devices {
		o.Devices = append(o.Devices, device.Device)
	}
	d.session, err = shell.New(ctx, d.init, d.target.Process, o)
	failpoint.At("debug.session")
	return err
}

// see builds what the session will see.
func (d *debug) see(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, viewLimit, inject.ErrNoAnswer)
	defer cancel()
	p, o := d.target.Process, inject.ViewOptions{ReadOnly: d.req.ReadOnly, Devices: d.devices, Rootless: d.local.rootless}
	switch d.req.FS {
	case FSToolbox:
		d.view, err = inject.ToolboxView(ctx, p, d.box, o)
	case FSHost:
		if err = d.hostIsSafe(); err == nil {
			d.view, err = inject.HostView(ctx, p, o)
		}
	default:
		d.view, err = inject.TargetView(ctx, p, o)
	}
	failpoint.At("debug.seen")
	return err
}

// run puts the rest together, asks the gate, and starts the command.
func (d *debug) run(ctx context.Context, streams Streams) (code int, err error) {
	command, env, left, err := d.command()
	if err != nil {
		return 0, err
	}
	end, err := d.local.begin(ctx, d.operation(command), d.target.Process)
	if err != nil {
		return 0, err
	}
	defer func() { end(Outcome{Status: code, Err: err}) }()
	if err := d.seen(); err != nil {
		return 0, err
	}
	if err := d.view.Seal(d.accounts.Passwd(inject.HomeDir, inject.ShellPath)); err != nil {
		return 0, err
	}
	spec := shell.Spec{
		Process: d.target.Process,
		Join:    nsutil.All,
		MountNS: d.view.NS,
		Root:    d.view.Root,
		Pts:     d.view.Pts,
		Home:    d.view.Home,
		Init:    d.init,
		User:    d.user,
		Dir:     d.dir(),
		Command: command,
		Env:     env,
		Toolbox: d.req.FS == FSToolbox,
		TTY:     d.req.TTY,
		Streams: streams,
	}
	if d.req.FS == FSHost {
		spec.Join &^= nsutil.Cgroup
	}
	d.stood.tell(streams)
	if len(left) > 0 && streams.LeftOut != nil {
		streams.LeftOut(left)
	}
	if streams.Placed != nil && d.tools != nil {
		streams.Placed(d.tools.Parts())
	}
	if streams.Restrained != nil {
		streams.Restrained(d.restraints())
	}
	if err := d.held.leave(ctx); err != nil {
		return 0, err
	}
	return d.session.Run(ctx, spec)
}

// operation is the session for a gate.
func (d *debug) operation(command []string) Operation {
	op := Operation{Verb: VerbDebug, Subject: d.stood.subject(), Target: d.target.Info, Session: &Grant{
		FS: d.req.FS, User: d.user, Command: command, Dir: d.dir(), TTY: d.req.TTY, ReadOnly: d.req.ReadOnly, Devices: d.req.Devices,
		Memory: d.limits.Memory, Pids: d.limits.Pids, Timeout: d.req.Timeout, Restraints: d.restraints(),
		Group: d.session.Group(),
	}}
	if d.tools != nil {
		op.Toolboxes = d.tools.Parts()
	}
	if d.held != nil {
		op.Hold = &d.req.Hold
	}
	return op
}

// explain says of what failed because the container has ended meanwhile that it has.
func (d *debug) explain(err error) error {
	if err == nil || fault.Of(err) != nil || d.target == nil || !errors.Is(d.target.Process.Alive(), nsutil.ErrGone) {
		return err
	}
	return fault.New(fault.TargetEnded, d.target.Name, "the container ended: %w", err)
}

// restraints are what holds the session back.
func (d *debug) restraints() shell.Restraints {
	r := d.session.Restraints()
	r.Nodev = d.view.Nodev
	return r
}

// close ends the session, and meanwhile gives up what it saw: freeing a toolbox takes a moment.
func (d *debug) close() error {
	failpoint.At("debug.close")
	d.held.close()
	d.keeper.Close()
	if d.local.o.KeepReady {
		d.local.ready.refill(d.local.sealed)
	}
	return together(func() error {
		if d.session == nil {
			return nil
		}
		return d.session.Close()
	}, func() error {
		err := errors.Join(d.view.Close(), d.box.Close(), d.init.Close())
		if d.target != nil {
			err = errors.Join(err, d.target.Close())
		}
		return err
	})
}
