package audit

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// openOwn opens a file that an earlier writer has made: regular, with one name, nobody else's.
func openOwn(dir *linux.FD, name string, open func(*linux.FD, string) (*linux.FD, error)) (*linux.FD, error) {
	fd, err := open(dir, name)
	if err != nil {
		return nil, err
	}
	st, err := linux.Fstat(fd)
	if err == nil && (st.Mode&linux.ModeType != linux.ModeRegular || st.Nlink != 1 || int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0) {
		err = fmt.Errorf("%s: %w: it is not regular, or not its writer's alone", name, ErrTampered)
	}
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	return fd, nil
}

// createWhole makes a file which has its name only once all of it is on the disk.
func createWhole(dir *linux.FD, name string, write func(*linux.FD) error) error {
	temp := tempPrefix + name
	fd, err := linux.CreateAt(dir, temp, 0o600)
	if err != nil {
		return err
	}
	failpoint.At("audit.file.created")
	if err = write(fd); err == nil {
		err = linux.Sync(fd)
	}
	failpoint.At("audit.file.synced")
	if err == nil {
		err = linux.RenameNoReplace(dir, temp, name)
	}
	failpoint.At("audit.file.named")
	if err == nil {
		err = linux.Sync(dir)
	} else {
		err = errors.Join(err, linux.UnlinkAt(dir, temp))
	}
	failpoint.At("audit.file.there")
	return errors.Join(err, fd.Close())
}

// removeTemp removes what writers have left that were killed while they made a file.
func removeTemp(dir *linux.FD) error {
	names, err := linux.ReadDir(dir, maxNames)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, tempPrefix) {
			if err := linux.UnlinkAt(dir, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxNames bounds the names in the log's directory.
const maxNames = 1 << 20

// Room that is kept behind a file's end.
const (
	reserveStep = 1 << 20
	// Besides the ends of what is under way: a checkpoint and a stop, and what a refused begin
	// takes in blocks.
	reserveRest = maxEnd + 16<<10
)

// store is the file that is written.
type store struct {
	dirName string
	dir     *linux.FD
	name    string
	fd      *linux.FD
	size    int64
	room    int64 // up to where blocks are allocated
	seen    linux.Stat
}

// reserve has room for bytes behind the file's end, and a step more if there is one.
func (s *store) reserve(size int64) error {
	if s.size+size <= s.room {
		return nil
	}
	var err error
	for _, more := range []int64{size + reserveStep, size} {
		if err = linux.Reserve(s.fd, s.size, more); err == nil {
			s.room = s.size + more
			break
		}
	}
	lerr := s.look() // fallocate(2) sets the times, too (file_modified in fs/inode.c)
	switch {
	case err == nil:
		return lerr
	case errors.Is(err, linux.ErrNoSpace), errors.Is(err, linux.ErrQuota):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, linux.ErrNoReserve):
		return fmt.Errorf("%w: %w", ErrReserve, err)
	}
	return err
}

// trim gives back the blocks behind the file's end (ext4_setattr in fs/ext4/inode.c).
func (s *store) trim() error { return linux.Truncate(s.fd, s.size) }

// look remembers how the file is, for check.
func (s *store) look() (err error) {
	s.seen, err = linux.Fstat(s.fd)
	return err
}

// check is an error if the file is not as it was left: it lost its name, another one has that, or
// somebody wrote to it. The kernel's clock for mtime has ticks of up to 10 ms: what is changed
// within one, without another size, only Verify finds.
func (s *store) check() error {
	st, err := linux.Fstat(s.fd)
	if err != nil {
		return err
	}
	named, err := linux.StatAt(s.dir, s.name)
	switch {
	case errors.Is(err, linux.ErrNotExist):
		return ErrGone
	case err != nil:
		return err
	case st.Nlink != 1 || named.Ino != st.Ino || named.Dev != st.Dev || st.Size < s.size:
		return ErrGone
	case st.Size != s.size || st.Mtim != s.seen.Mtim:
		return ErrTouched
	}
	held, err := linux.Fstat(s.dir)
	if err != nil {
		return err
	}
	there, err := linux.OpenPath(s.dirName)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	defer there.Close()
	if st, err := linux.Fstat(there); err != nil || st.Ino != held.Ino || st.Dev != held.Dev {
		return errors.Join(ErrGone, err)
	}
	return nil
}

// append writes whole lines, and they are on the disk when it returns. What did not get there whole
// is taken out again: nobody was told of it.
func (s *store) append(b []byte) error {
	n, err := linux.Write(s.fd, b)
	failpoint.At("audit.written")
	if err != nil {
		if n > 0 {
			err = errors.Join(err, linux.Truncate(s.fd, s.size))
		}
		return err
	}
	if err := linux.SyncData(s.fd); err != nil {
		return err // what the disk has nobody knows: see fsync(2), EIO
	}
	failpoint.At("audit.synced")
	s.size += int64(n)
	return s.look()
}

func (s *store) close() error { return linux.CloseAll(s.fd, s.dir) }
