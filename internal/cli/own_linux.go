package cli

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"dlx/engine"
	"dlx/internal/linux"
)

// sshVariable names the ends of an ssh session's connection, the client's first (ssh(1)).
const sshVariable = "SSH_CONNECTION"

// Bounds of the search for it.
const (
	maxAncestors = 64
	maxEnviron   = 4 << 20
)

// ownConnections are those over which the user sees dlx's output: an SSH session's. sudo(8) keeps
// its variable from dlx, so that the processes which dlx was started by are looked at as well.
func ownConnections() []engine.Connection {
	if c, ok := parseSSH(os.Getenv(sshVariable)); ok {
		return []engine.Connection{c}
	}
	pid := os.Getppid()
	for range maxAncestors {
		if pid <= 1 {
			break
		}
		if c, ok := parseSSH(variable(pid, sshVariable)); ok {
			return []engine.Connection{c}
		}
		pid = linux.Parent(pid)
	}
	return nil
}

// parseSSH takes the variable's value apart.
func parseSSH(value string) (c engine.Connection, ok bool) {
	f := strings.Fields(value)
	if len(f) != 4 {
		return c, false
	}
	var ends [2]netip.AddrPort
	for i := range ends {
		addr, err := netip.ParseAddr(f[2*i])
		port, perr := strconv.ParseUint(f[2*i+1], 10, 16)
		if err != nil || perr != nil || port == 0 {
			return c, false
		}
		ends[i] = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	}
	return engine.Connection{Local: ends[1], Remote: ends[0]}, true
}

// variable is a variable of the environment that a process was started with, "" if it has none.
func variable(pid int, name string) string {
	for v := range bytes.SplitSeq(procFile(pid, "environ"), []byte{0}) {
		if value, ok := bytes.CutPrefix(v, []byte(name+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// procFile is a file of a process, empty if it can not be read: it may have ended.
func procFile(pid int, name string) []byte {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/" + name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEnviron))
	if err != nil {
		return nil
	}
	return data
}
