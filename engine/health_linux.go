package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"

	"dlx/fault"
	"dlx/internal/cgroup"
	"dlx/internal/linux"
	"dlx/target"
)

// Health says whether this machine has what the work takes.
func (l *Local) Health(ctx context.Context) ([]Check, error) {
	checks := append(kernelChecks(), l.privilegeCheck(), l.cgroupCheck())
	checks = append(checks, runtimeChecks(ctx, l.targets.Runtimes())...)
	return append(checks, l.toolboxCheck(), l.injectedCheck()), nil
}

func failed(name string, err error, advice string) Check {
	return Check{Name: name, Found: err.Error(), Advice: advice, Err: err}
}

func kernelChecks() []Check {
	checks := []Check{{Name: "kernel", OK: true}}
	if release, err := linux.Release(); err == nil {
		checks[0].Found = release
	} else {
		checks[0] = failed("kernel", err, "")
	}
	for _, f := range linux.Features() {
		if f.Err != nil {
			checks = append(checks, failed(f.Name, f.Err, fmt.Sprintf("%s needs Linux %s or newer", f.For, f.Since)))
			continue
		}
		checks = append(checks, Check{Name: f.Name, OK: true, Found: "there"})
	}
	return checks
}

func (l *Local) privilegeCheck() Check {
	caps, err := linux.Effective()
	c := Check{
		Name: CheckPrivileges, OK: err == nil && os.Geteuid() == 0, Err: err,
		Found: fmt.Sprintf("uid %d, capabilities %#x", os.Geteuid(), uint64(caps)),
	}
	if l.rootless {
		c.Found += ", in the user namespace of this user's containers"
	}
	if missing := linux.Needed.Without(caps); missing != "" {
		c.OK, c.Found = false, c.Found+", without "+missing
	}
	return c
}

func (l *Local) cgroupCheck() Check {
	if l.rootless {
		return Check{Name: "cgroups", OK: true, Found: "none for this user: sessions have no limits of memory and processes"}
	}
	mode, err := cgroup.Mode()
	if err != nil {
		return failed("cgroups", err, "mount cgroup2 at /sys/fs/cgroup, or the memory and pids controllers of version 1")
	}
	return Check{Name: "cgroups", OK: true, Found: mode}
}

// runtimeChecks asks runtimes at the same time. One has to answer: the others need not be there,
// and where none is, the first is missing.
func runtimeChecks(ctx context.Context, runtimes []target.Runtime) []Check {
	checks := make([]Check, len(runtimes))
	var wg sync.WaitGroup
	for i, r := range runtimes {
		wg.Go(func() { checks[i] = runtimeCheck(ctx, r) })
	}
	wg.Wait()
	denied := func(c Check) bool { return errors.Is(c.Err, fault.SocketDenied) }
	absent := func(c Check) bool { return errors.Is(c.Err, fault.NoRuntime) || denied(c) }
	there := slices.ContainsFunc(checks, func(c Check) bool { return !absent(c) })
	for i := range checks {
		if absent(checks[i]) && (there || i > 0) {
			found := "not on this host"
			if denied(checks[i]) {
				found = "not for this user"
			}
			checks[i] = Check{Name: checks[i].Name, OK: true, Found: found}
		}
	}
	return checks
}

func runtimeCheck(ctx context.Context, r target.Runtime) Check {
	line, err := r.Health(ctx)
	name := r.Scheme()
	if r.Owner() != 0 {
		name += "/" + strconv.Itoa(r.Owner())
	}
	switch {
	case err != nil && target.Others(r): // no user is to fail what root asks for
		return Check{Name: name, OK: true, Found: "does not answer as it should: " + err.Error()}
	case err != nil:
		return failed(name, err, "")
	}
	return Check{Name: name, OK: true, Found: line}
}

func (l *Local) toolboxCheck() Check {
	box, err := l.bundled()
	if err != nil {
		return failed(CheckToolbox, err, "")
	}
	p := box.Parts()[0]
	return Check{Name: CheckToolbox, OK: true, Found: fmt.Sprintf("%s %s, %d entries, sha256:%.12s, %s", p.Name, p.Version, len(box.Files()), p.Digest, p.Key)}
}

// injectedCheck counts the toolboxes that are injected on this host, and those whose injection was
// interrupted.
func (l *Local) injectedCheck() Check {
	n, unfinished, err := l.injected()
	switch {
	case err != nil:
		return failed(CheckInjected, err, "see the records in "+l.journal())
	case unfinished > 0:
		return Check{Name: CheckInjected, Found: fmt.Sprintf("%d of %d injections were interrupted", unfinished, n)}
	}
	return Check{Name: CheckInjected, OK: true, Found: fmt.Sprintf("%d toolboxes", n)}
}

func (l *Local) injected() (n, unfinished int, err error) {
	if _, err := os.Stat(l.journal()); errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil
	}
	journal, err := l.openJournal()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	records, err := journal.All()
	for _, r := range records {
		if !r.Placed {
			unfinished++
		}
	}
	return len(records), unfinished, err
}
