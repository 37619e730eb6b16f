package ran

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// way leads from a structure of the kernel's to a value: the offset of a pointer in the structure,
// of the next one in what that points to, and so on, and last of the value.
type way []int32

// layout is where the kernel that runs keeps what is told of a process.
type layout struct {
	group  way // of task_struct: the ID of its control group
	parent way // the number of its parent
	tgid   way
	euid   way
	live   way // how many threads of the process have not ended
	code   way // what the process has ended with, by itself or all its threads together
	all    way
	args   way // where its arguments begin
	end    way // and end

	path        way // of linux_binprm: the name that was executed, and the interpreter's
	interpreter way
	name        way // of the file that the kernel has loaded
	inode       way
	device      way
}

// errLayout reports a kernel whose structures are not those that are known.
var errLayout = errors.New("the kernel's structures are not as they are known")

// types are where the kernel has its own (the kernel's bpf/btf.rst).
const types = "/sys/kernel/btf/vmlinux"

// readLayout asks the kernel's type information (BTF, Linux 5.4 with CONFIG_DEBUG_INFO_BTF).
// Groups are told by those of a controller of version 1; "" is version 2.
func readLayout(controller string) (*layout, error) {
	if _, err := os.Stat(types); err != nil {
		return nil, fmt.Errorf("read the kernel's types: %w", err) // and look for them nowhere else
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's types: %w", err)
	}
	set := []string{"cgroups", "dfl_cgrp", "kn", "id"}
	if controller != "" {
		n, err := subsystem(spec, controller)
		if err != nil {
			return nil, err
		}
		set = []string{"cgroups", "subsys." + strconv.FormatUint(n, 10), "cgroup", "kn", "id"}
	}
	l := &layout{}
	var errs []error
	for _, one := range []struct {
		to    *way
		root  string
		steps []string
	}{
		{&l.group, "task_struct", set},
		{&l.parent, "task_struct", []string{"real_parent", "tgid"}},
		{&l.tgid, "task_struct", []string{"tgid"}},
		{&l.euid, "task_struct", []string{"cred", "euid.val"}},
		{&l.live, "task_struct", []string{"signal", "live.counter"}},
		{&l.code, "task_struct", []string{"group_leader", "exit_code"}},
		{&l.all, "task_struct", []string{"signal", "group_exit_code"}},
		{&l.args, "task_struct", []string{"mm", "arg_start"}},
		{&l.end, "task_struct", []string{"mm", "arg_end"}},
		{&l.path, "linux_binprm", []string{"filename"}},
		{&l.interpreter, "linux_binprm", []string{"interp"}},
		{&l.name, "linux_binprm", []string{"file", "f_path.dentry", "d_name.name"}},
		{&l.inode, "linux_binprm", []string{"file", "f_inode", "i_ino"}},
		{&l.device, "linux_binprm", []string{"file", "f_inode", "i_sb", "s_dev"}},
	} {
		w, err := find(spec, one.root, one.steps)
		*one.to = w
		errs = append(errs, err)
	}
	return l, errors.Join(errs...)
}

// subsystem is a controller's place in css_set.subsys.
func subsystem(spec *btf.Spec, controller string) (uint64, error) {
	var e *btf.Enum
	if err := spec.TypeByName("cgroup_subsys_id", &e); err != nil {
		return 0, fmt.Errorf("%w: %w", errLayout, err)
	}
	for _, v := range e.Values {
		if v.Name == controller+"_cgrp_id" {
			return v.Value, nil
		}
	}
	return 0, fmt.Errorf("%w: no controller %s", errLayout, controller)
}

// find follows members by their names. Those of a step are in one another, and the next step begins
// where the last one's pointer leads to.
func find(spec *btf.Spec, root string, steps []string) (way, error) {
	var at *btf.Struct
	if err := spec.TypeByName(root, &at); err != nil {
		return nil, fmt.Errorf("%w: %w", errLayout, err)
	}
	var w way
	var t btf.Type = at
	for i, step := range steps {
		if i > 0 {
			p, ok := t.(*btf.Pointer)
			if !ok {
				return nil, fmt.Errorf("%w: %s.%s is no pointer", errLayout, root, strings.Join(steps[:i], "->"))
			}
			t = btf.UnderlyingType(p.Target)
		}
		offset := uint32(0)
		for name := range strings.SplitSeq(step, ".") {
			inner, off, ok := member(t, name)
			if !ok {
				return nil, fmt.Errorf("%w: %s has no %s", errLayout, root, strings.Join(steps[:i+1], "->"))
			}
			t, offset = inner, offset+off
		}
		w = append(w, int32(offset))
	}
	return w, nil
}

// member is a member by its name, those of anonymous members among them, or of an array by its
// place. The offset is in bytes.
func member(t btf.Type, name string) (inner btf.Type, offset uint32, ok bool) {
	var members []btf.Member
	switch t := t.(type) {
	case *btf.Struct:
		members = t.Members
	case *btf.Union:
		members = t.Members
	case *btf.Array:
		n, err := strconv.ParseUint(name, 10, 16)
		size, serr := btf.Sizeof(t.Type)
		return btf.UnderlyingType(t.Type), uint32(n) * uint32(size), err == nil && serr == nil && uint32(n) < t.Nelems
	}
	for _, m := range members {
		if m.Name == name && m.BitfieldSize == 0 {
			return btf.UnderlyingType(m.Type), m.Offset.Bytes(), true
		}
		if m.Name != "" {
			continue
		}
		if inner, offset, ok := member(btf.UnderlyingType(m.Type), name); ok {
			return inner, m.Offset.Bytes() + offset, true
		}
	}
	return nil, 0, false
}
