package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/seccomp"
	"dlx/nsutil"
)

// restraint is what holds a session back beside its cgroup,
// by the container's process and the profile.
type restraint struct {
	told     Restraints
	filters  []linux.SeccompProgram
	copied   bool // the filters are the container's
	labelled bool // dlx-init gets a label when it is executed
	own      []nsutil.OwnFile
	limits   []linux.Limit
	groups   []uint32 // the process's, in the host's numbers, where a session can set none
}

// restrain reads it.
func restrain(ctx context.Context, p *nsutil.Process, profile Profile) (*restraint, error) {
	r := &restraint{told: Restraints{Profile: profile.Name}}
	status, err := p.Status()
	if err != nil {
		return nil, fmt.Errorf("find out what restrains the container: %w", err)
	}
	for _, step := range []func() error{
		func() error { return r.capabilities(profile) },
		func() error { return r.noNewPrivs(status, profile) },
		func() error { return r.filter(ctx, p, profile) },
		func() error { return r.label(p) },
		func() error { return r.limit(p) },
		func() error { return r.oomScore(p) },
		func() error { return r.privileged(p, status) },
		func() error { return r.keepGroups(p, status) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("find out what restrains the container: %w", errors.Join(p.Alive(), err))
		}
	}
	return r, nil
}

// noNewPrivs is set, unless the session may do everything. That one has it if the container has.
func (r *restraint) noNewPrivs(status linux.Status, profile Profile) error {
	value, err := status.Field("NoNewPrivs")
	r.told.NoNewPrivs = !profile.all || value == "1"
	return err
}

// copyLimit is how long the container's process may take to stop for its filters to be copied. A
// frozen one never does.
const copyLimit = time.Second

// filter chooses the filters of system calls. They are the container's own, unless the profile has
// tools that need more: then they are the runtime's default, and what the tools need.
func (r *restraint) filter(ctx context.Context, p *nsutil.Process, profile Profile) (err error) {
	if profile.all {
		return nil
	}
	if profile.copies {
		ctx, cancel := context.WithTimeout(ctx, copyLimit)
		defer cancel()
		r.filters, err = p.SeccompFilters(ctx)
		if err == nil && len(r.filters) > 0 {
			r.copied = true
			r.told.Seccomp = fmt.Sprintf("the container's (%d)", len(r.filters))
			return nil
		}
	}
	program, err := seccomp.Program(profile.filter)
	r.filters = []linux.SeccompProgram{program}
	r.told.Seccomp = filterNames[profile.filter]
	return err
}

var filterNames = map[seccomp.Variant]string{
	seccomp.Bare:    "Docker's default without capabilities",
	seccomp.Default: "Docker's default",
	seccomp.Debug:   "Docker's default and debuggers' calls",
}

// blame says of an error at a session's start what may have brought it about: the container's own
// filter, or its label.
func (r *restraint) blame(err error) error {
	switch {
	case r.copied:
		return fault.New(fault.SeccompDenies, "", "the session can not begin under the container's seccomp filter: %w", err)
	case r.labelled:
		return fault.New(fault.LabelDenies, "", "the session can not begin under %s: %w", r.told.Label, err)
	}
	return err
}

func (r *restraint) label(p *nsutil.Process) error {
	l, err := labelOf(p)
	if err != nil {
		return err
	}
	r.told.Label = l.String()
	if l.exec.Name != "" {
		r.labelled = true
		r.own = append(r.own, l.exec)
	}
	return nil
}

// limit takes over the container's resource limits, without those of address space and data
// segment: a Go program such as dlx-init reserves much and uses little. The session's cgroup bounds
// its memory. Nothing dumps core.
func (r *restraint) limit(p *nsutil.Process) error {
	theirs, err := p.Limits()
	if err != nil {
		return err
	}
	for _, l := range theirs {
		switch l.Resource {
		case linux.LimitAS, linux.LimitData:
			continue
		case linux.LimitCore:
			l.Soft, l.Hard = 0, 0
		}
		if l, err = l.Within(); err != nil {
			return err
		}
		r.limits = append(r.limits, l)
	}
	r.told.Limits = len(r.limits)
	return nil
}

const oomFile = "oom_score_adj"

// oomScore makes the kernel choose the session no later than the container when memory is short.
// Less than dlx's own takes CAP_SYS_RESOURCE (proc_pid_oom_score_adj(5)).
func (r *restraint) oomScore(p *nsutil.Process) error {
	data, err := p.ReadFile(oomFile, labelLimit)
	if err != nil {
		return err
	}
	mine, err := os.ReadFile("/proc/self/" + oomFile)
	if err != nil {
		return err
	}
	theirs, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return err
	}
	own, err := strconv.Atoi(strings.TrimSpace(string(mine)))
	if err != nil {
		return err
	}
	r.told.OOMScoreAdj = max(theirs, own)
	if theirs > own {
		r.own = append(r.own, nsutil.OwnFile{Name: oomFile, Data: strconv.Itoa(theirs)})
	}
	return nil
}

// privileged says whether the container has the host's administrator's rights: CAP_SYS_ADMIN in the
// host's user namespace.
func (r *restraint) privileged(p *nsutil.Process, status linux.Status) error {
	differ, err := p.Differing()
	if err != nil {
		return err
	}
	caps, err := status.BoundingSet()
	r.told.UserNS = differ&nsutil.User != 0 || !linux.InitialUserNS()
	r.told.Privileged = !r.told.UserNS && caps.Has(linux.CapSysAdmin)
	return err
}

// keepGroups takes over the process's supplementary groups where a session can set none of its own.
// The user namespace's maker may have a group that takes a right away.
func (r *restraint) keepGroups(p *nsutil.Process, status linux.Status) error {
	if !r.told.UserNS {
		return nil
	}
	allowed, err := p.Setgroups()
	if err != nil || allowed {
		return err
	}
	r.told.GroupsKept = true
	r.groups, err = status.Groups()
	return err
}

// setgroupsDenied says whether dlx itself may set no groups (user_namespaces(7), "setgroups").
func setgroupsDenied() (bool, error) {
	data, err := os.ReadFile("/proc/self/setgroups")
	if errors.Is(err, os.ErrNotExist) { // a kernel without user namespaces
		return false, nil
	}
	return strings.TrimSpace(string(data)) == "deny", err
}

// capabilities tells of the profile's.
func (r *restraint) capabilities(profile Profile) error {
	caps, err := profile.Capabilities()
	r.told.Capabilities = caps.Names()
	return err
}
