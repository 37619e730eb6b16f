package standin

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dlx/internal/cgroup"
	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/shell"
)

// Network starts a process in a network namespace. All else is the host's: it sees the host's files
// and processes, may open the devices that dlx may open, and has no capability of its own.
func Network(ctx context.Context, program *linux.FD, ns *nsutil.NetNS) (*shell.Kept, error) {
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	devices, err := cgroup.DevicesOf(membership)
	if err != nil {
		return nil, err
	}
	own, err := linux.Effective()
	if err != nil {
		return nil, errors.Join(err, devices.Close())
	}
	k, err := shell.Keep(ctx, program, devices, func(in *shell.Entries) (*linux.Plan, error) {
		plan := linux.NewPlan()
		plan.NotDumpable()
		in.Into(plan)
		ns.Join(plan)
		plan.Chdir("/")
		plan.NewKeyring()
		plan.Umask(0o022)
		plan.Groups(nil)
		if !own.Has(linux.CapSetpcap) { // a capture has given that up
			plan.NoNewPrivs()
		}
		plan.NoCapabilities()
		plan.Files(in.Input, nil, nil, nil, program)
		plan.Clone()
		plan.NewSession()
		plan.ClearSignals()
		plan.Exec([]string{initproto.StandInName}, nil)
		return plan, nil
	})
	if err = errors.Join(err, devices.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("stand in a network namespace: %w", err), k.Close())
	}
	if k.Namespaces()[nsutil.Net] != ns.ID() {
		return nil, errors.Join(errors.New("stand in a network namespace: the process is in another one"), k.Close())
	}
	return k, nil
}
