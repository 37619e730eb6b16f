package shell

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// KeeperName is argv[0] of the keeper: this same program, started by a session to outlive it.
const KeeperName = "dlx-keeper"

const cgroupPrefix = "dlx-"

// keeper watches a pipe that this process holds. When the pipe closes, however dlx came to its end, it ends what is
// left of the session and removes its cgroup.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// startKeeper starts it before the cgroup is made, so that there is no moment at which nobody would clean up.
func startKeeper(name string) (*keeper, error) {
	cmd := &exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{KeeperName, name},
		Env:  []string{"GOMAXPROCS=1"},
		Dir:  "/",
		// A session of its own, so that what ends dlx's process group or terminal does not end it too.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errKeeper, err)
	}
	return &keeper{cmd, pipe}, nil
}

// dismiss ends the keeper; the session has cleaned up by itself.
func (k *keeper) dismiss() {
	_ = k.cmd.Process.Kill()
	_ = k.pipe.Close()
	_ = k.cmd.Wait()
}

// hand lets the keeper do the cleaning and waits for it.
func (k *keeper) hand() error {
	_ = k.pipe.Close()
	return k.cmd.Wait()
}

// KeeperMain is the keeper's main function; args are its arguments, name first.
func KeeperMain(args []string) int {
	if len(args) != 2 || !strings.HasPrefix(args[1], cgroupPrefix) || strings.Contains(args[1], "/") {
		return 2
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := findCgroup(args[1]).clean(); err != nil {
		return 1
	}
	return 0
}
