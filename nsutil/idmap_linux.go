package nsutil

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"

	"dlx/fault"
)

// idMapLimit is more than the 340 lines that the kernel allows (user_namespaces(7)).
const idMapLimit = 1 << 16

// HostIDs translates IDs of the process's user namespace to those of the initial one, as /proc
// shows them to a reader there.
func (p *Process) HostIDs(uid, gid uint32) (hostUID, hostGID uint32, err error) {
	if hostUID, err = p.mapID("uid_map", uid); err != nil {
		return 0, 0, err
	}
	hostGID, err = p.mapID("gid_map", gid)
	return hostUID, hostGID, err
}

func (p *Process) mapID(file string, id uint32) (uint32, error) {
	data, err := p.ReadFile(file, idMapLimit)
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &count); err != nil {
			return 0, fmt.Errorf("parse %s: %w", file, err)
		}
		if n := uint64(id); n >= inside && n-inside < count {
			return uint32(outside + n - inside), nil
		}
	}
	return 0, fault.New(fault.UnmappedID, strconv.FormatUint(uint64(id), 10), "the container's user namespace has no ID %d (%s)", id, file)
}
