package cli

import (
	"os"
	"path/filepath"
	"strings"

	"dlx/engine"
	"dlx/internal/rootless"
	"dlx/target"
	"dlx/target/containerd"
	"dlx/target/crio"
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
	if rootless.Inside() { // the machine's are nobody's there, and can not be told from others'
		o.Configs = nil
		o.State, o.Run = userDirs(o.State)
	}
	if dir, err := os.UserConfigDir(); err == nil {
		o.Configs = append(o.Configs, filepath.Join(dir, "dlx"))
	}
	return engine.NewLocal(o), nil
}

// userDirs are where a user keeps what outlives dlx, unless the user says where, and what lasts
// until the machine is switched off (the XDG Base Directory Specification).
func userDirs(state string) (keep, run string) {
	home := os.Getenv("HOME")
	for _, dir := range []string{os.Getenv("XDG_STATE_HOME"), filepath.Join(home, ".local/state")} {
		if state == "" && filepath.IsAbs(dir) {
			state = filepath.Join(dir, "dlx")
		}
	}
	run = os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(run) {
		run = state
	}
	return state, filepath.Join(run, "dlx")
}

// runtimes are those that are asked: all, or what the environment names, alone. Docker's variable
// may lead to Podman, which is then asked as what it is. No variable names a CRI-O:
// CONTAINER_RUNTIME_ENDPOINT is crictl's, and leads to any runtime of Kubernetes's.
func runtimes(env func(string) string) (list []target.Runtime) {
	host, address := env("DOCKER_HOST"), env("CONTAINERD_ADDRESS")
	all := host == "" && address == ""
	var podmans []podman.Options
	if all {
		podmans = podman.Sockets()
	} else if named, ok := podman.Named(host); ok {
		podmans = append(podmans, named)
	}
	if all || host != "" && len(podmans) == 0 {
		list = append(list, docker.New(docker.Options{Host: host, APIVersion: env("DOCKER_API_VERSION")}))
	}
	if all || address != "" {
		list = append(list, containerd.New(containerd.Options{Socket: strings.TrimPrefix(address, "unix://")}))
	}
	if all {
		list = append(list, crio.New(crio.Options{}))
	}
	for _, o := range podmans {
		list = append(list, podman.New(o))
	}
	return list
}
