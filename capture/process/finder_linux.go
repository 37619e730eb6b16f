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

// Find returns the process that a flow's socket belongs to: the socket that would get a packet from
// Remote to Local, which may be one that listens. It is nil if there is none, such as for packets
// that are only passed on, and for sockets of the kernel's. The processes that were there at the
// given time are known to it from one look around, for any number of flows. Errors are
// ErrUnfinished and those of system calls.
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
