package testutil

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// Host is what a dlx could leave behind on the host, at one time: processes, control groups,
// mounts, and mount namespaces without a process.
type Host struct{ held resources }

// TakeHost looks at the host. From then on, until the test ends, the orphans of what this process
// starts are its children (prctl(2), PR_SET_CHILD_SUBREAPER), and found so.
func TakeHost(t testing.TB) Host {
	t.Helper()
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Fatalf("become a subreaper: %v", errno)
	}
	t.Cleanup(func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 0, 0)
		reapOrphans()
	})
	return Host{hostState()}
}

// Left lists what is there now, was not before, and does not go within limit.
// These are processes or, without any, what they have left. What others make
// later is not counted. No child may be waited for meanwhile.
func (h Host) Left(limit time.Duration) []string {
	var left resources
	gone := poll(limit, func() bool {
		reapOrphans()
		left = resources{}
		children(left)
		maps.DeleteFunc(left, func(what string, _ bool) bool { return h.held[what] })
		return len(left) == 0
	})
	if !gone {
		return slices.Sorted(maps.Keys(left))
	}
	return leaked(h.held, hostState, limit)
}

func hostState() resources {
	reapOrphans()
	all := resources{}
	for _, collect := range []func(resources){children, cgroups, mounts, emptyNamespaces} {
		collect(all)
	}
	return all
}

// reapOrphans waits for the children that have ended.
func reapOrphans() {
	for {
		var ws syscall.WaitStatus
		if pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil); pid <= 0 && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// Requests of ioctl_nsfs(2), since Linux 6.12.
const (
	nextMountNamespace     = 0x8010b70b // NS_MNT_GET_NEXT
	previousMountNamespace = 0x8010b70c // NS_MNT_GET_PREV
)

// emptyNamespaces adds the mount namespaces that no process is in: something else holds them. An
// older kernel does not list them, and then there are none.
func emptyNamespaces(all resources) {
	own, err := os.Open("/proc/self/ns/mnt")
	if err != nil {
		return
	}
	defer func() { _ = own.Close() }()
	var found []uint64
	for _, request := range []uintptr{nextMountNamespace, previousMountNamespace} {
		found = append(found, walkNamespaces(int(own.Fd()), request)...)
	}
	for _, pattern := range []string{"/proc/[0-9]*/ns/mnt", "/proc/[0-9]*/task/*/ns/mnt"} { // of the many threads few have their own
		if len(found) > 0 {
			found = withoutUsed(found, pattern)
		}
	}
	for _, ino := range found {
		all[fmt.Sprintf("mount namespace %d without a process", ino)] = true
	}
}

// withoutUsed leaves out those that the links of a pattern lead to.
func withoutUsed(found []uint64, pattern string) []uint64 {
	used := map[string]bool{}
	names, _ := filepath.Glob(pattern)
	for _, name := range names {
		to, _ := os.Readlink(name)
		used[to] = true
	}
	return slices.DeleteFunc(found, func(ino uint64) bool { return used[fmt.Sprintf("mnt:[%d]", ino)] })
}

// walkNamespaces follows the kernel's list from a namespace on, and returns their inode numbers.
func walkNamespaces(from int, request uintptr) (found []uint64) {
	at, err := syscall.Dup(from)
	if err != nil {
		return nil
	}
	for {
		info := struct {
			size, mounts uint32
			id           uint64
		}{size: 16}
		next, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(at), request, uintptr(unsafe.Pointer(&info)))
		_ = syscall.Close(at)
		if errno != 0 {
			return found
		}
		at = int(next)
		var st syscall.Stat_t
		if err := syscall.Fstat(at, &st); err == nil {
			found = append(found, st.Ino)
		}
	}
}
