package linux

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Device is a device node, and what may be done with it.
type Device struct {
	Block        bool // else a character device
	Major, Minor uint32
	Access       string // of "r", "w" and "m", for reading, writing and making the node
}

// DeviceAt is the device behind a path that dlx's user chose. What is no device is ErrNoDevice.
func DeviceAt(name string) (d Device, err error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return d, pathErr("stat", name, err)
	}
	d = Device{Block: st.Mode&unix.S_IFMT == unix.S_IFBLK, Major: unix.Major(st.Rdev), Minor: unix.Minor(st.Rdev)}
	if !d.Block && st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return d, pathErr("stat", name, ErrNoDevice)
	}
	return d, nil
}

// Rule is the device as version 1's devices.allow takes it (the kernel's cgroup-v1/devices.rst).
func (d Device) Rule() string {
	kind := 'c'
	if d.Block {
		kind = 'b'
	}
	return fmt.Sprintf("%c %s:%s %s", kind, number(d.Major), number(d.Minor), d.Access)
}

// AnyNumber as a device's major or minor is each.
const AnyNumber = math.MaxUint32

func number(n uint32) string {
	if n == AnyNumber {
		return "*"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// insn is struct bpf_insn (linux/bpf.h).
type insn struct {
	code, regs uint8
	off        int16
	imm        int32
}

const insnSize = 8

// Instructions of eBPF (the kernel's bpf/standardization/instruction-set.rst), put together.
const (
	bpfLoad32   = unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W
	bpfMoveReg  = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_X
	bpfMove     = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K
	bpfAnd      = unix.BPF_ALU64 | unix.BPF_AND | unix.BPF_K
	bpfShift    = unix.BPF_ALU64 | unix.BPF_RSH | unix.BPF_K
	bpfNotEqual = unix.BPF_JMP | unix.BPF_JNE | unix.BPF_K
	bpfExit     = unix.BPF_JMP | unix.BPF_EXIT
)

// Offsets in struct bpf_cgroup_dev_ctx (linux/bpf.h). The lower half of its access_type is the kind
// of device, the upper half what is asked for.
const (
	devAccessType, devMajor, devMinor = 0, 4, 8

	devBlock, devChar           = 1, 2
	devMknod, devRead, devWrite = 1, 2, 4
	devAccessShift              = 16
)

// allow are the instructions that allow the device and go on behind them with any other one.
// Register 1 is the context, 2 and 3 are free at a program's beginning.
func (d Device) allow() []insn {
	kind, may := int32(devChar), int32(0)
	if d.Block {
		kind = devBlock
	}
	for _, c := range d.Access {
		may |= map[rune]int32{'m': devMknod, 'r': devRead, 'w': devWrite}[c]
	}
	const r0, r2, r3, r2FromR1, r3FromR2 = 0, 2, 3, 2 | 1<<4, 3 | 2<<4
	list := []insn{
		{bpfLoad32, r2FromR1, devAccessType, 0},
		{bpfMoveReg, r3FromR2, 0, 0},
		{bpfAnd, r2, 0, 1<<devAccessShift - 1},
		{bpfNotEqual, r2, 0, kind},
		{bpfShift, r3, 0, devAccessShift},
		{bpfAnd, r3, 0, ^may},
		{bpfNotEqual, r3, 0, 0},
	}
	if d.Major != AnyNumber {
		list = append(list, insn{bpfLoad32, r2FromR1, devMajor, 0}, insn{bpfNotEqual, r2, 0, int32(d.Major)})
	}
	if d.Minor != AnyNumber {
		list = append(list, insn{bpfLoad32, r2FromR1, devMinor, 0}, insn{bpfNotEqual, r2, 0, int32(d.Minor)})
	}
	list = append(list, insn{bpfMove, r0, 0, 1}, insn{bpfExit, 0, 0, 0})
	for i := range list {
		if list[i].code == bpfNotEqual {
			list[i].off = int16(len(list) - i - 1)
		}
	}
	return list
}

// Allowing returns a program that allows these devices, and of others what p allows. The program is
// p's own instructions, read back from the kernel, with some in front.
func (p *DeviceProgram) Allowing(devices []Device) (*DeviceProgram, error) {
	theirs, err := p.instructions()
	if err != nil {
		return nil, fmt.Errorf("read a device program: %w", err)
	}
	var all []insn
	for _, d := range devices {
		all = append(all, d.allow()...)
	}
	return loadDeviceProgram(append(all, theirs...))
}

// AllowOnly returns a program that allows these devices alone.
func AllowOnly(devices []Device) (*DeviceProgram, error) {
	var all []insn
	for _, d := range devices {
		all = append(all, d.allow()...)
	}
	return loadDeviceProgram(append(all, insn{bpfMove, 0, 0, 0}, insn{bpfExit, 0, 0, 0}))
}

// bpfInfo, bpfProgInfo and bpfLoad are the parts of union bpf_attr and struct bpf_prog_info that
// are used here.
type (
	bpfInfo struct {
		fd, size uint32
		info     uint64
	}
	bpfProgInfo struct {
		kind, id             uint32
		tag                  [8]byte
		jitedSize, insnsSize uint32
		jited, insns         uint64
	}
	bpfLoad struct {
		kind, count            uint32
		insns, license         uint64
		logLevel, logSize      uint32
		log                    uint64
		kernelVersion, flags   uint32
		name                   [16]byte
		ifindex, attachType, _ uint32
	}
)

// instructions reads the program back. Nothing of a device program is rewritten when it is loaded
// (the kernel's kernel/bpf/cgroup.c: cg_dev_verifier_ops converts no access).
func (p *DeviceProgram) instructions() ([]insn, error) {
	var size bpfProgInfo
	if err := p.info(&size); err != nil {
		return nil, err
	}
	if size.insnsSize == 0 {
		return nil, fmt.Errorf("the kernel does not show its instructions: %w", unix.EPERM)
	}
	list := make([]insn, size.insnsSize/insnSize)
	var pinned runtime.Pinner
	pinned.Pin(&list[0])
	defer pinned.Unpin()
	return list, p.info(&bpfProgInfo{insnsSize: size.insnsSize, insns: uint64(uintptr(unsafe.Pointer(&list[0])))})
}

func (p *DeviceProgram) info(info *bpfProgInfo) error {
	var pinned runtime.Pinner
	pinned.Pin(info)
	defer pinned.Unpin()
	attr := &bpfInfo{fd: uint32(p.fd.Int()), size: uint32(unsafe.Sizeof(*info)), info: uint64(uintptr(unsafe.Pointer(info)))}
	_, err := bpfCall(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
	runtime.KeepAlive(p)
	return err
}

func loadDeviceProgram(list []insn) (*DeviceProgram, error) {
	license := []byte("Apache-2.0\x00") // no function is called that wants another
	var pinned runtime.Pinner
	pinned.Pin(&list[0])
	pinned.Pin(&license[0])
	defer pinned.Unpin()
	attr := &bpfLoad{
		kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(list)), attachType: unix.BPF_CGROUP_DEVICE,
		insns: uint64(uintptr(unsafe.Pointer(&list[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.name[:], "dlx_devices")
	load := func() (int, error) { return bpfCall(unix.BPF_PROG_LOAD, unsafe.Pointer(attr), unsafe.Sizeof(*attr)) }
	raw, err := load()
	if errors.Is(err, unix.EPERM) { // before Linux 5.11, too, once root's processes have locked much memory
		restore, lerr := LockAnyMemory()
		if lerr != nil {
			return nil, lerr
		}
		raw, err = load()
		err = errors.Join(err, restore())
	}
	if err != nil {
		return nil, fmt.Errorf("load a device program: %w", err)
	}
	return &DeviceProgram{NewFD(raw)}, nil
}
