package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/shell"
	"dlx/target"
	"dlx/target/docker"
	"dlx/toolbox"
)

// localEngine works on this host, whose runtimes the environment may name.
func localEngine() (engine.Engine, error) {
	runtime := docker.New(docker.Options{Host: os.Getenv("DOCKER_HOST"), APIVersion: os.Getenv("DOCKER_API_VERSION")})
	o := engine.LocalOptions{
		Runtimes:  []target.Runtime{runtime},
		State:     os.Getenv("DLX_STATE_DIR"),
		Configs:   []string{toolbox.SystemConfig},
		HostFiles: true,
	}
	if dir, err := os.UserConfigDir(); err == nil {
		o.Configs = append(o.Configs, filepath.Join(dir, "dlx"))
	}
	return engine.NewLocal(o), nil
}

// commandStatus is the exit status of a command that could not be run, or that did not end by itself.
func commandStatus(err error) (int, bool) {
	var failed *shell.CommandError
	switch {
	case errors.As(err, &failed) && failed.Missing:
		return exitNotFound, true
	case errors.As(err, &failed):
		return exitNotRun, true
	case errors.Is(err, shell.ErrTargetEnded), errors.Is(err, shell.ErrKilled):
		return 128 + 9, true
	}
	return 0, false
}

func internalCommands(a *app) []*cobra.Command { return []*cobra.Command{a.printCommand()} }
