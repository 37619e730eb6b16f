package cli

import (
	"os"
	"path/filepath"

	"dlx/engine"
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
