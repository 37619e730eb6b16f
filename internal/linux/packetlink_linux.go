package linux

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Netmask is the network mask of an interface's first IPv4 address, in the ring's network namespace
// (netdevice(7), SIOCGIFNETMASK); the zero value if it has none.
func (r *Ring) Netmask(name string) netip.Addr {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return netip.Addr{}
	}
	if err := unix.IoctlIfreq(r.fd.Int(), unix.SIOCGIFNETMASK, req); err != nil {
		return netip.Addr{}
	}
	b, err := req.Inet4Addr()
	if err != nil {
		return netip.Addr{}
	}
	mask, _ := netip.AddrFromSlice(b)
	return mask
}

// Offsets in struct ethtool_cmd (linux/ethtool.h).
const (
	ethtoolSpeed     = 12
	ethtoolSpeedHigh = 28
	ethtoolSize      = 44
)

// Speed is an interface's speed in bits per second, in the ring's network namespace
// (linux/ethtool.h, ETHTOOL_GSET); 0 if it says none.
func (r *Ring) Speed(name string) uint64 {
	if len(name) >= unix.IFNAMSIZ {
		return 0
	}
	var cmd [ethtoolSize]byte
	binary.NativeEndian.PutUint32(cmd[:], unix.ETHTOOL_GSET)
	var req struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(req.name[:], name)
	req.data = unsafe.Pointer(&cmd)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(r.fd.Int()), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(&cmd)
	low, high := binary.NativeEndian.Uint16(cmd[ethtoolSpeed:]), binary.NativeEndian.Uint16(cmd[ethtoolSpeedHigh:])
	megabits := uint32(high)<<16 | uint32(low)
	if errno != 0 || int32(megabits) <= 0 { // SPEED_UNKNOWN is -1
		return 0
	}
	return uint64(megabits) * 1e6
}
