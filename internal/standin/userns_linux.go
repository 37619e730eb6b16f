package standin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"dlx/internal/initproto"
	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/target"
)

// newUserNamespace makes a user namespace. A process's maps are written by another one, which is
// what os/exec does; that process ends at once, and with dlx.
func newUserNamespace(program *linux.FD, uids, gids []target.IDMap) (fd *linux.FD, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a user namespace: %w", err)
		}
	}()
	dup, err := program.Dup()
	if err != nil {
		return nil, err
	}
	file := dup.File("dlx-init")
	defer file.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/3", Args: []string{initproto.StandInName}, Env: []string{}, Dir: "/", ExtraFiles: []*os.File{file},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: sysMaps(uids), GidMappings: sysMaps(gids), GidMappingsEnableSetgroups: true,
		},
	}
	input, err := cmd.StdinPipe() // at its end the process ends
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, input.Close())
	}
	defer func() { err = errors.Join(err, input.Close(), cmd.Wait()) }()
	p, err := nsutil.Open(cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.UserNamespace()
}

func sysMaps(maps []target.IDMap) (list []syscall.SysProcIDMap) {
	for _, m := range maps {
		list = append(list, syscall.SysProcIDMap{ContainerID: int(m.Inside), HostID: int(m.Outside), Size: int(m.Count)})
	}
	return list
}
