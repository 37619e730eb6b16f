package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// policy lets root do what is timed.
const policy = `version: 1
rules:
  - allow: what is timed
    who: {users: [root]}
    verbs: [debug]
    targets: [{name: "*"}]
    profiles: [general]
    fs: [toolbox]
    users: ["*"]
`

// agent is a running `dlx agent` with a policy and a record of its own.
type agent struct {
	dir, address string
	cmd          *exec.Cmd
}

// agentLimit is how long it may take to listen.
const agentLimit = 10 * time.Second

func startAgent(ctx context.Context, dlx string) (a *agent, err error) {
	a = &agent{}
	if a.dir, err = os.MkdirTemp("", "dlx-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop())
		}
	}()
	file, socket := filepath.Join(a.dir, "policy.yaml"), filepath.Join(a.dir, "run", "agent.sock")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		return nil, err
	}
	a.address = "unix://" + socket
	a.cmd = exec.CommandContext(ctx, dlx, "agent", "--socket", socket, "--policy", file)
	a.cmd.Env = append(os.Environ(), "DLX_STATE_DIR="+filepath.Join(a.dir, "state"))
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(agentLimit); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return a, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s agent does not listen", dlx)
		}
	}
}

// stop ends it.
func (a *agent) stop() error {
	var err error
	if a.cmd != nil && a.cmd.Process != nil {
		err = errors.Join(a.cmd.Process.Signal(syscall.SIGTERM), a.cmd.Wait())
	}
	return errors.Join(err, os.RemoveAll(a.dir))
}
