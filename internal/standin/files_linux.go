package standin

import (
	"context"
	"errors"
	"fmt"

	"dlx/fault"
	"dlx/internal/cgroup"
	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/internal/rootfs"
	"dlx/internal/seccomp"
	"dlx/nsutil"
	"dlx/shell"
	"dlx/target"
)

// Files starts a process whose root is the files of a container that does not run, or of an image,
// with a layer on top that goes with it. It has namespaces of its own, an empty network among them,
// and what a runtime gives a container by default, or less: see rights.
func Files(ctx context.Context, program *linux.FD, still *target.Still) (k *shell.Kept, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("stand in for %s: %w", still.Name, errors.Join(err, k.Close()))
			k = nil
		}
	}()
	have, err := rightsOf(still)
	if err != nil {
		return nil, err
	}
	uid, gid := have.rootIDs()
	root, err := makeRoot(ctx, still, uid, gid)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.close()) }()
	if have.user, err = root.user(ctx, still.User); err != nil {
		return nil, err
	}
	var users *linux.FD
	if have.mapped() {
		if users, err = newUserNamespace(program, have.uids, have.gids); err != nil {
			return nil, err
		}
		defer users.Close()
	}
	devices, err := cgroup.DefaultDevices()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, devices.Close()) }()
	filter, err := seccomp.Program(seccomp.Default)
	if err != nil {
		return nil, err
	}
	k, err = shell.Keep(ctx, program, devices, func(in *shell.Entries) (*linux.Plan, error) {
		return have.plan(in, program, root, users, filter, hostname(still))
	})
	if err != nil {
		return k, err
	}
	return k, k.Do(nsutil.Net|nsutil.Mnt, finish)
}

// plan is the order of the steps. Nobody else is in the new namespaces, so nobody can see the child
// before it has given up what it must not have; its /proc is mounted from inside, and its user
// namespace, if it has one, joined after that: what is mounted stays out of that one's hands.
func (h *rights) plan(in *shell.Entries, program *linux.FD, root *root, users *linux.FD, filter linux.SeccompProgram, host string) (*linux.Plan, error) {
	plan := linux.NewPlan()
	plan.NotDumpable()
	in.Into(plan)
	if h.label != "" {
		if err := shell.Labelled(plan, h.module, h.label); err != nil {
			return nil, err
		}
	}
	plan.Setns("mnt", root.ns, linux.NewMnt)
	plan.Chroot(root.dir)
	plan.NewKeyring()
	plan.Umask(0o022)
	plan.Unshare("pid", linux.NewPid)
	// Before the child is cloned, which would not see the end of whoever forks it otherwise: it has
	// that one's descriptors until then.
	plan.Files(in.Input, nil, nil, users, program)
	plan.Clone()
	plan.NewSession()
	plan.ClearSignals()
	plan.MountProc()
	if users != nil {
		plan.SetnsStatus("user", linux.NewUser)
	}
	plan.Unshare("net, uts, ipc and cgroup", linux.NewNet|linux.NewUts|linux.NewIpc|linux.NewCgroup)
	plan.Hostname(host)
	if h.noNewPrivs {
		plan.NoNewPrivs()
	}
	plan.Filter(filter)
	plan.Groups(h.user.Groups)
	plan.Credentials(h.user.UID, h.user.GID, h.caps)
	plan.NotDumpable()
	plan.Exec([]string{initproto.StandInName}, nil)
	return plan, nil
}

// user is the container's, by the files. One that is not there may be why it does not run: it is
// root then, with no more than the container's capabilities.
func (r *root) user(ctx context.Context, spec string) (shell.User, error) {
	nobodyElse := shell.User{}
	if spec == "" {
		return nobodyElse, nil
	}
	dir, err := r.dir.Dup()
	if err != nil {
		return nobodyElse, err
	}
	files := rootfs.NewRoot(dir, r.mounts)
	defer files.Close()
	accounts, err := shell.ReadAccounts(ctx, files)
	if err != nil {
		return nobodyElse, err
	}
	user, err := accounts.Find(spec)
	if errors.Is(err, fault.BadUser) {
		return nobodyElse, nil
	}
	return user, err
}

// maxHostname is the kernel's (gethostname(2)).
const maxHostname = 64

func hostname(still *target.Still) string {
	name := still.Hostname
	if name == "" {
		name = still.ShortID()
	}
	return name[:min(len(name), maxHostname)]
}
