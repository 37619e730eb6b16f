package outfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"dlx/internal/linux"
)

// held is the directory as it is asked about what is in it.
type held struct{ fd *linux.FD }

// Hold opens a directory in which a user's files are made. For root no link is followed on the way
// there; anybody else gets no further by a link than the kernel lets them anyway.
func Hold(name string) (*Dir, error) {
	if os.Geteuid() != 0 {
		return Own(name)
	}
	fd, err := Walk(name)
	if err != nil {
		return nil, err
	}
	return hold(name, fd)
}

// Own opens a directory of dlx's own. The caller has seen to it that nobody else can make or rename
// anything there, or on the way there.
func Own(name string) (*Dir, error) {
	fd, err := linux.OpenPath(name)
	if err != nil {
		return nil, err
	}
	return hold(name, fd)
}

// hold takes an open directory.
func hold(name string, fd *linux.FD) (*Dir, error) {
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd.Int())) // the very directory (proc_pid_fd(5))
	if err != nil {
		return nil, errors.Join(err, fd.Close())
	}
	return &Dir{name: name, root: root, held: held{fd}}, nil
}

func (h held) close() error { return h.fd.Close() }

// check is why what has a name is not replaced, nil if it may be or nothing has it.
func (h held) check(base string) error {
	st, err := linux.StatAt(h.fd, base)
	if errors.Is(err, linux.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return Check(h.fd, st)
}

// same is why an open file is not the one that has a name, or is not to be written to; else nil.
func (h held) same(base string, f *os.File) error {
	named, err := linux.StatAt(h.fd, base)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino != named.Ino || st.Dev != named.Dev {
		return ErrNotRegular
	}
	if named.Nlink != 1 {
		return ErrHardLinks
	}
	return Check(h.fd, named)
}
