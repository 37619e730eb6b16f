package standin

import (
	"dlx/internal/linux"
	"dlx/shell"
	"dlx/target"
)

// rights are what the process has. They are what a runtime gives by default, without what it has
// not given this container: a privileged one's are not.
type rights struct {
	caps       linux.CapSet
	noNewPrivs bool
	user       shell.User
	uids, gids []target.IDMap
}

func rightsOf(still *target.Still) (*rights, error) {
	h := &rights{caps: shell.ContainerCapabilities &^ linux.CapsNamed(still.Without), noNewPrivs: still.NoNewPrivs, uids: still.UIDs, gids: still.GIDs}
	if still.Only != nil {
		h.caps &= linux.CapsNamed(still.Only)
	}
	own, err := linux.Effective()
	h.caps &= own
	return h, err
}

// mapped says whether it has a user namespace.
func (h *rights) mapped() bool { return len(h.uids) > 0 || len(h.gids) > 0 }

// rootIDs are the host's numbers of its root.
func (h *rights) rootIDs() (uid, gid int) { return outside(h.uids), outside(h.gids) }

func outside(maps []target.IDMap) int {
	for _, m := range maps {
		if m.Inside == 0 {
			return int(m.Outside)
		}
	}
	return 0
}
