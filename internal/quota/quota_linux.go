// Package quota bounds what root's processes take together for a user, such as memory. It uses
// locks, which the kernel gives up when a process ends, however that ends.
package quota

import (
	"errors"
	"fmt"
	"os"
	"path"
	"sync"

	"dlx/internal/linux"
)

// Quota is a process's part in a bound. Of the file, each byte stands for one unit, and is locked
// by the process that has it.
type Quota struct {
	total int
	fd    *linux.FD

	mu    sync.Mutex
	taken []bool // the units that are this process's, whose locks do not keep itself out
}

// ExceededError reports that less is left than was asked for.
type ExceededError struct{ Wanted, Left, Total int }

func (e *ExceededError) Error() string {
	return fmt.Sprintf("%d of %d are left, and %d are wanted", e.Left, e.Total, e.Wanted)
}

// Open opens the quota of a name. Its file is in a directory that only root may write to, and which
// is made if need be; the directory above it is root's.
func Open(dir, name string, total int) (*Quota, error) {
	d, err := openDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of quotas: %w", err)
	}
	defer d.Close()
	fd, _, err := linux.OpenOutputAt(d, name, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the quota %s: %w", path.Join(dir, name), err)
	}
	return &Quota{total: total, fd: fd, taken: make([]bool, total)}, nil
}

// errWritable says that others could take the locks.
var errWritable = errors.New("it belongs to somebody else, or others may write to it")

func openDir(dir string) (*linux.FD, error) {
	above, err := linux.OpenPath(path.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := linux.MkdirAt(above, path.Base(dir), 0o700); err != nil && !errors.Is(err, linux.ErrExist) {
		return nil, err
	}
	d, err := linux.OpenDirAt(above, path.Base(dir))
	if err != nil {
		return nil, err
	}
	st, err := linux.Fstat(d)
	if err == nil && (int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0) {
		err = fmt.Errorf("%s: %w", dir, errWritable)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Take takes n units, or none. Two that take at the same time may both be refused the last ones.
// Its error is an *ExceededError, or that of a system call.
func (q *Quota) Take(n int) (release func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var got []int
	for i := 0; i < q.total && len(got) < n && err == nil; i++ {
		if q.taken[i] {
			continue
		}
		var ok bool
		if ok, err = linux.LockRange(q.fd, int64(i), 1); ok {
			q.taken[i] = true
			got = append(got, i)
		}
	}
	if err == nil && len(got) < n {
		err = &ExceededError{n, len(got), q.total}
	}
	if err != nil {
		q.give(got)
		return nil, err
	}
	return sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.give(got)
	}), nil
}

// give gives units back. That fails only once the file is closed, when nothing is locked any more.
func (q *Quota) give(units []int) {
	for _, i := range units {
		q.taken[i] = false
		_ = linux.UnlockRange(q.fd, int64(i), 1)
	}
}

// Close gives back all that the process has.
func (q *Quota) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fd.Close()
}
