package agent

import "testing"

// TestOutside: an agent that has an IPC, UTS or PID namespace of a container's does not take its
// own namespaces for the host's.
func TestOutside(t *testing.T) {
	first := map[string]uint64{"ipc": 0xefffffff, "uts": 0xeffffffe, "pid": 0xeffffffc, "mnt": 1, "net": 2}
	if !outside(first) {
		t.Error("the kernel's first namespaces count as a container's")
	}
	for _, kind := range []string{"ipc", "uts", "pid"} {
		was := first[kind]
		first[kind] = 0xf0000001
		if outside(first) {
			t.Errorf("another namespace of %s counts as the host's", kind)
		}
		first[kind] = was
	}
}
