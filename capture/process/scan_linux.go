package process

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlx/internal/linux"
)

// Bounds of a look around /proc: the number of processes and descriptors is up to the container.
const (
	scanTime       = 50 * time.Millisecond // of CPU time; what is left then is looked at the next time
	maxDescriptors = 1 << 16               // of a process
	maxProcesses   = 1 << 22               // PID_MAX_LIMIT (linux/threads.h)
	maxSockets     = 1 << 17               // that are remembered
	maxRecent      = 64                    // PIDs
	foreignTime    = 2 * time.Second       // after which a PID may have become another process's
	staleTime      = 5 * time.Second       // after which a socket may be in other hands
)

// scanner knows which process of a network namespace has which socket.
type scanner struct {
	proc      *linux.FD
	namespace string // as the links in /proc/PID/ns have it
	owners    map[uint64]owned
	own       map[int]bool      // processes of the namespace with sockets
	foreign   map[int]time.Time // processes of other namespaces, and when that was seen
	newest    int               // the PID that was given last when it was looked for
	last      int               // the PID that the look at all ended with, when time was up; else 0
	looks     [3]time.Time      // when each of the ways to look was gone last
}

// owned is a socket's owner.
type owned struct {
	*Process
	seen time.Time
}

// openScanner opens the host's /proc for the calling thread's network namespace.
func openScanner() (*scanner, error) {
	proc, err := linux.OpenPath("/proc")
	if err != nil {
		return nil, err
	}
	s := &scanner{proc: proc, owners: map[uint64]owned{}, own: map[int]bool{}, foreign: map[int]time.Time{}}
	if s.namespace, err = linux.ReadlinkAt(proc, "thread-self/ns/net"); err != nil {
		_ = proc.Close() // was only read
		return nil, err
	}
	return s, nil
}

func (s *scanner) close() error { return s.proc.Close() }

// find returns the owner that a socket had at a time, nil if it had none. It looks first at
// processes made since the last time, then at those known to have sockets, then at all.
func (s *scanner) find(inode uint64, at time.Time) (*Process, error) {
	if o, ok := s.owners[inode]; ok {
		if time.Since(o.seen) < staleTime {
			return o.Process, nil
		}
		delete(s.owners, inode)
	}
	for i, look := range []func() error{s.lookAtNew, s.lookAtOwn, s.lookAtAll} {
		if s.looks[i].After(at) {
			continue
		}
		start := time.Now()
		if err := look(); err != nil {
			return nil, err
		}
		s.looks[i] = start
		if o, ok := s.owners[inode]; ok {
			return o.Process, nil
		}
	}
	return nil, nil
}

// lookAtNew looks at the processes and threads with the numbers given last. One that begins
// something and is gone in a millisecond is among them.
func (s *scanner) lookAtNew() error {
	load, err := readFile(s.proc, "loadavg") // its last field is the PID that was given last (proc(5))
	if err != nil {
		return err
	}
	newest, err := strconv.Atoi(strings.TrimSpace(load[strings.LastIndexByte(load, ' ')+1:]))
	if err != nil {
		return err
	}
	for pid := newest; pid > max(newest-maxRecent, 0) && pid != s.newest; pid-- {
		s.look(pid)
	}
	s.newest = newest
	return nil
}

// lookAtOwn looks at the processes of the namespace that had sockets.
func (s *scanner) lookAtOwn() error {
	own := slices.Sorted(maps.Keys(s.own))
	clear(s.own) // those that still have some come back
	for start := linux.ThreadTime(); len(own) > 0; own = own[1:] {
		if linux.ThreadTime()-start > scanTime {
			s.own[own[0]] = true
			continue
		}
		s.look(own[0])
	}
	return nil
}

// lookAtAll looks at all processes, and begins anew with what is known. When there is no time for
// all of them, it goes on with the rest the next time.
func (s *scanner) lookAtAll() error {
	pids, err := s.pids()
	if err != nil {
		return err
	}
	start := linux.ThreadTime()
	if s.last == 0 || len(s.owners) >= maxSockets {
		s.owners = map[uint64]owned{}
	}
	first, _ := slices.BinarySearch(pids, s.last+1)
	s.last = 0
	for _, pid := range pids[first:] {
		if linux.ThreadTime()-start > scanTime {
			s.last = pid - 1
			return ErrUnfinished
		}
		s.look(pid)
	}
	return nil
}

// pids lists the processes, and forgets those that are gone or may have been replaced.
func (s *scanner) pids() ([]int, error) {
	names, err := linux.ReadDir(s.proc, maxProcesses)
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	maps.DeleteFunc(s.foreign, func(_ int, seen time.Time) bool { return time.Since(seen) > foreignTime })
	return pids, nil
}

// look notes a process's sockets, if it is of the namespace. Where several processes share a
// socket, the first one owns it: the others mostly got it by fork. A process that can not be looked
// at is gone, or will be.
func (s *scanner) look(pid int) {
	if _, ok := s.foreign[pid]; ok {
		return
	}
	dir, err := linux.OpenPathAt(s.proc, strconv.Itoa(pid))
	if err != nil {
		return
	}
	defer dir.Close()
	namespace, err := linux.ReadlinkAt(dir, "ns/net")
	if err != nil {
		return
	}
	if namespace != s.namespace {
		s.foreign[pid] = time.Now()
		return
	}
	var p *Process
	now := time.Now()
	_ = linux.Sockets(dir, maxDescriptors, func(inode uint64) bool {
		if p == nil {
			if p, err = describe(s.proc, dir, pid); err != nil {
				return false
			}
			s.own[int(p.PID)] = true
		}
		if o, ok := s.owners[inode]; !ok || o.PID >= p.PID {
			s.owners[inode] = owned{p, now}
		}
		return len(s.owners) < maxSockets
	})
}
