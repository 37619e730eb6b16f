package process

import (
	"errors"
	"time"
)

// Finder finds the processes of one network namespace. It is for one goroutine, locked to its
// thread. The caller bounds its time: a look around /proc takes up to some 50 ms of CPU time.
type Finder struct {
	diag *diag
	scan *scanner
}

// Open opens a finder for the calling thread's network namespace. It needs CAP_SYS_PTRACE for
// processes of other users.
func Open() (*Finder, error) {
	d, err := openDiag()
	if err != nil {
		return nil, err
	}
	s, err := openScanner()
	if err != nil {
		d.close()
		return nil, err
	}
	return &Finder{diag: d, scan: s}, nil
}

// Close releases the finder.
func (f *Finder) Close() error {
	f.diag.close()
	return f.scan.close()
}

// ErrUnfinished says that there were too many processes for one look. The next call goes on.
var ErrUnfinished = errors.New("not all processes have been looked at")

// Find returns the process that has a flow's socket: the socket that a packet from Remote to Local
// would get to, which may be a listening one. It is nil if there is none, as for packets that are
// only passed on, and for the kernel's sockets. One look around finds the processes that were there
// at the given time, for any number of flows. Errors are ErrUnfinished and those of system calls.
func (f *Finder) Find(flow Flow, at time.Time) (*Process, error) {
	p, err := f.find(&flow, at)
	if err == nil && p == nil && flow.Protocol == TCP { // it is not made yet, or closed meanwhile
		return f.find(flow.listener(), at)
	}
	return p, err
}

func (f *Finder) find(flow *Flow, at time.Time) (*Process, error) {
	inode, err := f.diag.inode(flow)
	if err != nil || inode == 0 {
		return nil, err
	}
	return f.scan.find(inode, at)
}
