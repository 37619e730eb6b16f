// Package daemon runs a `dlx agent` with a policy and a record of its own, for the benchmarks.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Policy lets root do what is timed, in containers and in processes of the benchmarks' own.
const Policy = `version: 1
rules:
  - allow: what is timed
    who: {users: [root]}
    verbs: [debug, capture]
    targets: [{name: "*"}, {subject: process, host: [mnt, pid, ipc, uts]}]
    profiles: [general]
    fs: [toolbox]
    users: ["*"]
    privileged: true
`

// Agent is a running one.
type Agent struct {
	Address string // for --agent
	dir     string
	cmd     *exec.Cmd
}

// startLimit is how long it may take to listen.
const startLimit = 10 * time.Second

// Start returns when it listens. Its owner stops it.
func Start(ctx context.Context, dlx string) (a *Agent, err error) {
	a = &Agent{}
	if a.dir, err = os.MkdirTemp("", "dlx-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop())
		}
	}()
	file, socket := filepath.Join(a.dir, "policy.yaml"), filepath.Join(a.dir, "run", "agent.sock")
	if err := os.WriteFile(file, []byte(Policy), 0o600); err != nil {
		return nil, err
	}
	a.Address = "unix://" + socket
	a.cmd = exec.CommandContext(ctx, dlx, "agent", "--socket", socket, "--policy", file)
	a.cmd.Env = append(os.Environ(), "DLX_STATE_DIR="+filepath.Join(a.dir, "state"))
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return a, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s agent does not listen", dlx)
		}
	}
}

// PID is its process.
func (a *Agent) PID() int { return a.cmd.Process.Pid }

// Stop ends it.
func (a *Agent) Stop() error {
	var err error
	if a.cmd != nil && a.cmd.Process != nil {
		err = errors.Join(a.cmd.Process.Signal(syscall.SIGTERM), a.cmd.Wait())
	}
	return errors.Join(err, os.RemoveAll(a.dir))
}

// CPUTime is what all threads of a process that live have used so far
// (/proc/PID/task/TID/schedstat).
func CPUTime(pid int) (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// Memory is a field of /proc/PID/status in KiB: VmRSS, or VmHWM for the highest that it was.
func Memory(pid int, field string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == field+":" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("no %s in /proc/%d/status", field, pid)
}
