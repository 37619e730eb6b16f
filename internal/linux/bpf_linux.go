package linux

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DeviceProgram decides which device nodes the processes of a version 2 cgroup may make
// and open (BPF_PROG_TYPE_CGROUP_DEVICE; the kernel's cgroup-v2.rst, "Device controller").
// Its owner closes it.
type DeviceProgram struct{ fd *FD }

// Close releases the program; one that is attached stays in force.
func (p *DeviceProgram) Close() error { return p.fd.Close() }

// maxPrograms is how many programs the kernel runs for one cgroup (BPF_CGROUP_MAX_PROGS in
// kernel/bpf/cgroup.c).
const maxPrograms = 64

// bpfQuery, bpfAttach and bpfID are the parts of union bpf_attr that the commands below read
// (bpf(2), linux/bpf.h).
type (
	bpfQuery struct {
		target, attachType, queryFlags, attachFlags uint32
		ids                                         uint64
		count, _                                    uint32
	}
	bpfAttach struct{ target, program, attachType, flags uint32 }
	bpfID     struct{ id, next, flags uint32 }
)

// DevicePrograms opens the programs in force for the version 2 cgroup behind dir, those of the
// cgroups above it included. None means that every device is allowed there.
func DevicePrograms(dir *FD) (programs []*DeviceProgram, err error) {
	ids, err := deviceProgramIDs(dir)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		raw, err := bpfCall(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(&bpfID{id: id}), unsafe.Sizeof(bpfID{}))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open device program %d: %w", id, err), CloseDevicePrograms(programs))
		}
		programs = append(programs, &DeviceProgram{NewFD(raw)})
	}
	return programs, nil
}

// CloseDevicePrograms closes every one of them.
func CloseDevicePrograms(programs []*DeviceProgram) error {
	var errs []error
	for _, p := range programs {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// deviceProgramIDs are the numbers of the programs in force, each once.
func deviceProgramIDs(dir *FD) ([]uint32, error) {
	ids := make([]uint32, maxPrograms)
	var pinned runtime.Pinner // the kernel writes to it by its address
	pinned.Pin(&ids[0])
	defer pinned.Unpin()
	query := &bpfQuery{
		target: uint32(dir.Int()), attachType: unix.BPF_CGROUP_DEVICE, queryFlags: unix.BPF_F_QUERY_EFFECTIVE,
		ids: uint64(uintptr(unsafe.Pointer(&ids[0]))), count: maxPrograms,
	}
	_, err := bpfCall(unix.BPF_PROG_QUERY, unsafe.Pointer(query), unsafe.Sizeof(*query))
	runtime.KeepAlive(dir)
	if err != nil {
		return nil, fmt.Errorf("ask for a cgroup's device programs: %w", err)
	}
	var distinct []uint32
	seen := map[uint32]bool{}
	for _, id := range ids[:query.count] {
		if !seen[id] {
			seen[id] = true
			distinct = append(distinct, id)
		}
	}
	return distinct, nil
}

// Attach puts the program in force for the version 2 cgroup behind dir, beside those that are
// there. A device is allowed if each of them allows it (BPF_F_ALLOW_MULTI, Linux 4.15).
func (p *DeviceProgram) Attach(dir *FD) error {
	attach := &bpfAttach{
		target: uint32(dir.Int()), program: uint32(p.fd.Int()), attachType: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	_, err := bpfCall(unix.BPF_PROG_ATTACH, unsafe.Pointer(attach), unsafe.Sizeof(*attach))
	runtime.KeepAlive(dir)
	runtime.KeepAlive(p)
	if err != nil {
		return fmt.Errorf("attach a device program: %w", err)
	}
	return nil
}

func bpfCall(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
	if errno != 0 {
		return -1, wrap("bpf", errno)
	}
	return int(r), nil
}
