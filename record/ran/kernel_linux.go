package ran

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"dlx/internal/linux"
)

// kernel is what is loaded into it. It goes with this process.
type kernel struct {
	maps     *maps
	programs []*ebpf.Program
	links    []link.Link
}

// licence is of the kernel's programs: what reads its memory has to be under the GPL, too
// (the kernel's bpf/bpf_licensing.rst).
const licence = "Dual BSD/GPL"

// load loads and runs the programs. Their owner closes them. It takes CAP_BPF and CAP_PERFMON, or
// CAP_SYS_ADMIN before Linux 5.8.
func load(controller string) (k *kernel, err error) {
	l, err := readLayout(controller)
	debug.FreeOSMemory() // some MiB of types, which nobody needs any more
	if err != nil {
		return nil, err
	}
	restore, err := linux.LockAnyMemory()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, restore()) }()
	k = &kernel{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if k.maps, err = newMaps(); err != nil {
		return k, err
	}
	// Who is followed must not end unseen: ends and forks go first.
	for _, one := range []struct {
		point string
		write func(*code)
	}{
		{"sched_process_exit", (*code).exit},
		{"sched_process_fork", (*code).fork},
		{"sched_process_exec", (*code).exec},
	} {
		if err = k.attach(one.point, l, one.write); err != nil {
			return k, fmt.Errorf("run a program at the tracepoint %s: %w", one.point, err)
		}
	}
	return k, nil
}

func (k *kernel) attach(point string, l *layout, write func(*code)) error {
	c := &code{l: l, m: k.maps}
	write(c)
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "dlx_" + point[len("sched_process_"):], Type: ebpf.RawTracepoint, License: licence, Instructions: c.ins})
	if err != nil {
		return err
	}
	k.programs = append(k.programs, p)
	at, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: point, Program: p})
	if err != nil {
		return err
	}
	k.links = append(k.links, at)
	return nil
}

// missed is how often the kernel has not run a program because it ran already (Linux 5.12; 0
// before).
func (k *kernel) missed() (n uint64) {
	for _, p := range k.programs {
		if s, err := p.Stats(); err == nil {
			n += s.RecursionMisses
		}
	}
	return n
}

func (k *kernel) close() error {
	var errs []error
	for _, at := range k.links {
		errs = append(errs, at.Close())
	}
	for _, p := range k.programs {
		errs = append(errs, p.Close())
	}
	if k.maps != nil {
		errs = append(errs, k.maps.close())
	}
	return errors.Join(errs...)
}
