package ran

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// Bounds of what the kernel keeps.
const (
	maxSessions = 1 << 10 // at once; a power of two
	maxTasks    = 1 << 15 // processes of them all; a power of two
	ringSize    = 2 << 20 // bytes that wait to be read; a power of two. Twice it counts as memory
	// share is how many of them may be of one session: one that floods the ring loses its own
	// alone.
	share = 512 << 10
)

// maps are what the kernel's programs and this process share.
type maps struct {
	groups  *ebpf.Map // the ID of a control group: the mark of its session
	tasks   *ebpf.Map // the number of a process: the mark of its session
	state   *ebpf.Map // the slot of a session: what the kernel counts of it
	taken   *ebpf.Map // the slot of a session: bytes that were read
	scratch *ebpf.Map // where an event is put together, one for each CPU
	ring    *ebpf.Map // events
}

// state is a session's, as the kernel counts. Its mark is 0 when there is none.
type state struct {
	Mark    uint64
	Put     uint64 // bytes into the ring
	Started uint64 // programs
	Lost    uint64 // of them, for which the ring had no room
}

// Offsets in state.
const (
	statePut     = 8
	stateStarted = 16
	stateLost    = 24
	stateSize    = 32
)

// newMaps makes them. Their owner closes them.
func newMaps() (m *maps, err error) {
	m = &maps{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	for _, one := range []struct {
		to   **ebpf.Map
		spec ebpf.MapSpec
	}{
		{&m.groups, ebpf.MapSpec{Name: "dlx_groups", Type: ebpf.Hash, KeySize: 8, ValueSize: 8, MaxEntries: maxSessions}},
		{&m.tasks, ebpf.MapSpec{Name: "dlx_tasks", Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: maxTasks}},
		{&m.state, ebpf.MapSpec{Name: "dlx_state", Type: ebpf.Array, KeySize: 4, ValueSize: stateSize, MaxEntries: maxSessions}},
		{&m.taken, ebpf.MapSpec{Name: "dlx_taken", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: maxSessions}},
		{&m.scratch, ebpf.MapSpec{Name: "dlx_scratch", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: maxEvent, MaxEntries: 1}},
		{&m.ring, ebpf.MapSpec{Name: "dlx_ring", Type: ebpf.RingBuf, MaxEntries: ringSize}},
	} {
		if *one.to, err = ebpf.NewMap(&one.spec); err != nil {
			return m, fmt.Errorf("make the map %s: %w", one.spec.Name, err)
		}
	}
	return m, nil
}

func (m *maps) close() error {
	var errs []error
	for _, one := range []*ebpf.Map{m.groups, m.tasks, m.state, m.taken, m.scratch, m.ring} {
		errs = append(errs, one.Close()) // of nil, too
	}
	return errors.Join(errs...)
}
