package cli

import (
	"os"
	"path/filepath"
	"strings"

	"dlx/engine"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/docker"
	"dlx/target/podman"
	"dlx/toolbox"
)

// localEngine works on this host, whose runtimes the environment may name.
func localEngine() (engine.Engine, error) {
	o := engine.LocalOptions{
		Runtimes:  runtimes(os.Getenv),
		State:     os.Getenv("DLX_STATE_DIR"),
		Configs:   []string{toolbox.SystemConfig},
		HostFiles: true,
	}
	if dir, err := os.UserConfigDir(); err == nil {
		o.Configs = append(o.Configs, filepath.Join(dir, "dlx"))
	}
	return engine.NewLocal(o), nil
}

// runtimes are those that are asked, by what the environment says. Docker's variable may lead to
// Podman, which is then asked as what it is.
func runtimes(env func(string) string) []target.Runtime {
	host := env("DOCKER_HOST")
	var list []target.Runtime
	if host != "unix://"+podman.RootSocket && host != "unix:///var"+podman.RootSocket {
		list = append(list, docker.New(docker.Options{Host: host, APIVersion: env("DOCKER_API_VERSION")}))
	}
	return append(list,
		containerd.New(containerd.Options{Socket: strings.TrimPrefix(env("CONTAINERD_ADDRESS"), "unix://")}),
		podman.New(podman.Options{Socket: podman.RootSocket}),
	)
}
