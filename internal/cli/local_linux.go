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

// runtimes are those that are asked: all, or what the environment names, alone. Docker's variable
// may lead to Podman, which is then asked as what it is.
func runtimes(env func(string) string) (list []target.Runtime) {
	host, address := env("DOCKER_HOST"), env("CONTAINERD_ADDRESS")
	all := host == "" && address == ""
	named := host == "unix://"+podman.RootSocket || host == "unix:///var"+podman.RootSocket
	if all || host != "" && !named {
		list = append(list, docker.New(docker.Options{Host: host, APIVersion: env("DOCKER_API_VERSION")}))
	}
	if all || address != "" {
		list = append(list, containerd.New(containerd.Options{Socket: strings.TrimPrefix(address, "unix://")}))
	}
	if all || named {
		list = append(list, podman.New(podman.Options{Socket: podman.RootSocket}))
	}
	return list
}
