package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"dlx/nsutil"
)

// hostNamespaces are the inodes of the host's own, by their names. Where the host's first process
// may do more than this one, and so can not be looked at, they are this process's, if it is in no
// container.
func hostNamespaces(log *slog.Logger) (map[string]uint64, error) {
	p, err := nsutil.Open(1)
	first := err
	hidden := errors.Is(first, fs.ErrPermission)
	if hidden {
		p, err = nsutil.Open(os.Getpid())
	}
	if err != nil {
		return nil, fmt.Errorf("look at the host's namespaces: %w", err)
	}
	defer p.Close()
	host := map[string]uint64{}
	for kind, id := range p.Namespaces() {
		host[kind.String()] = id.Ino
	}
	switch {
	case hidden && !outside(host):
		log.Warn("the host's first process can not be looked at, and the agent is in a container: all targets count as having the host's namespaces", "error", first)
		return map[string]uint64{}, nil // none is known (policy.Ask)
	case hidden:
		log.Warn("the host's first process can not be looked at: the agent's own namespaces count as the host's", "error", first)
	}
	return host, nil
}

// outside says whether namespaces are those that the kernel begins with (include/linux/proc_ns.h,
// PROC_*_INIT_INO). Those of mounts and networks have such numbers on new kernels alone.
func outside(set map[string]uint64) bool {
	return set["ipc"] == 0xefffffff && set["uts"] == 0xeffffffe && set["pid"] == 0xeffffffc
}
