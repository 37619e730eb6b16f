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
	module     string // of security, that confines containers here
	label      string // of that module's; "": unconfined, and there is none
	user       shell.User
	uids, gids []target.IDMap
}

func rightsOf(still *target.Still) (*rights, error) {
	h := &rights{caps: shell.ContainerCapabilities &^ linux.CapsNamed(still.Without), noNewPrivs: still.NoNewPrivs, uids: still.UIDs, gids: still.GIDs}
	if still.Only != nil {
		h.caps &= linux.CapsNamed(still.Only)
	}
	own, err := linux.Effective()
	if err != nil {
		return nil, err
	}
	h.caps &= own
	h.module = shell.LabelModule()
	h.label, err = labelFor(still, h.module)
	return h, err
}

// labelFor is the container's label, or the default. Without one it could do more than any
// container of the runtime's.
func labelFor(still *target.Still, module string) (string, error) {
	label := still.Label
	if label == "" || label == "unconfined" {
		label = shell.DefaultLabels[module]
	}
	switch {
	case module == "":
		return "", nil
	case label == "":
		return "", target.NoStill(still.Name, "%s confines containers here, and %s tells no label of %q", module, still.Runtime, still.Name)
	}
	return label, nil
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
