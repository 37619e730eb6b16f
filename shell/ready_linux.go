package shell

import "dlx/internal/linux"

// Ready is the keeper of a session to come. Its owner closes it, or hands it to New.
type Ready struct {
	keeper *keeper
	group  string // the name of the cgroup that it is for
}

// Prepare starts one. program is dlx-init, sealed, and that session's alone: a session that runs as
// root may change the permissions of what it runs from.
func Prepare(program *linux.FD) (*Ready, error) {
	us, err := self()
	if err != nil {
		return nil, err
	}
	r := &Ready{group: us.groupName()}
	r.keeper, err = startKeeper(program, r.group, nil)
	return r, err
}

// Lives says whether the keeper does: who shares the host's processes could have ended it.
func (r *Ready) Lives() bool { return r != nil && r.keeper != nil && linux.Quiet(r.keeper.conn) }

// take hands over the keeper.
func (r *Ready) take() (k *keeper, group string) {
	k, r.keeper = r.keeper, nil
	return k, r.group
}

// Close ends the keeper, unless New has taken it.
func (r *Ready) Close() {
	if r != nil && r.keeper != nil {
		r.keeper.dismiss()
		r.keeper = nil
	}
}
