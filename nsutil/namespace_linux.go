package nsutil

import (
	"fmt"
	"runtime"
	"strings"

	"dlx/internal/linux"
)

// Type is one kind of namespace, a bit of a Types set (namespaces(7)).
type Type uint

// The namespaces that dlx joins.
const (
	User Type = 1 << iota
	Mnt
	Net
	Pid
	Uts
	Ipc
	Cgroup
)

// All is every type.
const All = User | Mnt | Net | Pid | Uts | Ipc | Cgroup

var types = []struct {
	t    Type
	name string // the entry in /proc/PID/ns
	flag int
}{
	{User, "user", linux.NewUser},
	{Mnt, "mnt", linux.NewMnt},
	{Net, "net", linux.NewNet},
	{Pid, "pid", linux.NewPid},
	{Uts, "uts", linux.NewUts},
	{Ipc, "ipc", linux.NewIpc},
	{Cgroup, "cgroup", linux.NewCgroup},
}

// String lists the names, as in "net,pid".
func (t Type) String() string {
	var names []string
	for _, k := range types {
		if t&k.t != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

// flags are the clone flags of the set, for setns(2).
func (t Type) flags() int {
	flags := 0
	for _, k := range types {
		if t&k.t != 0 {
			flags |= k.flag
		}
	}
	return flags
}

// ID names one namespace: device and inode of /proc/PID/ns/TYPE, equal for all processes in it.
type ID struct{ Dev, Ino uint64 }

// Set holds the namespaces of a process by type.
type Set map[Type]ID

// Differing returns the types in which s and other are not the same namespace. Joining a user
// namespace that one is already in is EINVAL (setns(2)), so only these are joined.
func (s Set) Differing(other Set) Type {
	var t Type
	for kind, id := range s {
		if other[kind] != id {
			t |= kind
		}
	}
	return t
}

// readSet reads the namespaces below a /proc/PID directory. A kernel may lack the entry of a type.
func readSet(proc *linux.FD) (Set, error) {
	set := Set{}
	for _, k := range types {
		st, err := linux.StatAtFollow(proc, "ns/"+k.name)
		if err != nil {
			return nil, fmt.Errorf("read %s namespace: %w", k.name, err)
		}
		set[k.t] = ID{st.Dev, st.Ino}
	}
	return set, nil
}

// Own returns the namespaces of the calling thread.
func Own() (Set, error) {
	// Between the calls another goroutine could take the thread, and join others or end it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	proc, err := procDir("thread-self")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	return readSet(proc)
}
