package testutil

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// RunOptions says how a container is to be made. The zero value of a field is Docker's default.
type RunOptions struct {
	Image      string
	Cmd        []string
	Name       string // default: unique, beginning with dlx-test-
	User       string
	WorkingDir string
	Env        []string
	Labels     map[string]string
	Hostname   string

	ReadOnly    bool
	Privileged  bool
	CapDrop     []string
	CapAdd      []string
	SecurityOpt []string
	Binds       []string
	Tmpfs       map[string]string
	Devices     []string // HOST:CONTAINER; Podman's alone

	NetworkMode  string
	PidMode      string
	IpcMode      string
	UTSMode      string
	UsernsMode   string
	CgroupnsMode string
	Restart      string // policy

	// NoStart leaves the container created and not started; its PID is 0.
	NoStart bool
	// Change is called last, for whatever has no field here.
	Change func(*container.Config, *container.HostConfig)
}

// Container is a container that a test made. It is removed, by its ID, when the test ends.
type Container struct {
	ID   string
	Name string
	// PID is the host's ID of its first process, 0 while it does not run.
	PID int

	t      testing.TB
	docker *Docker
}

// Run makes and starts a container on the default Docker; see Docker.Run.
func Run(t testing.TB, opts RunOptions) *Container {
	t.Helper()
	return RequireDocker(t).Run(t, opts)
}

// Run makes a container, starts it, and removes it when the test ends.
func (d *Docker) Run(t testing.TB, opts RunOptions) *Container {
	t.Helper()
	config, host := opts.split()
	name := opts.Name
	if name == "" {
		name = unique("dlx-test-")
	}
	res, err := d.Client.ContainerCreate(request(t), client.ContainerCreateOptions{Config: config, HostConfig: host, Name: name})
	if err != nil {
		t.Fatalf("create container of %s: %v", opts.Image, err)
	}
	c := &Container{ID: res.ID, Name: name, t: t, docker: d}
	t.Cleanup(c.Remove)
	if !opts.NoStart {
		c.Start()
	}
	return c
}

func (o RunOptions) split() (*container.Config, *container.HostConfig) {
	config := &container.Config{
		Image: o.Image, Cmd: o.Cmd, User: o.User, WorkingDir: o.WorkingDir,
		Env: slices.Clone(o.Env), Labels: o.Labels, Hostname: o.Hostname,
	}
	host := &container.HostConfig{
		ReadonlyRootfs: o.ReadOnly, Privileged: o.Privileged,
		CapDrop: o.CapDrop, CapAdd: o.CapAdd, SecurityOpt: o.SecurityOpt,
		Binds: o.Binds, Tmpfs: o.Tmpfs,
		NetworkMode: container.NetworkMode(o.NetworkMode), PidMode: container.PidMode(o.PidMode),
		IpcMode: container.IpcMode(o.IpcMode), UTSMode: container.UTSMode(o.UTSMode),
		UsernsMode: container.UsernsMode(o.UsernsMode), CgroupnsMode: container.CgroupnsMode(o.CgroupnsMode),
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(o.Restart)},
	}
	if o.Change != nil {
		o.Change(config, host)
	}
	return config, host
}

// Remove kills and removes the container; one that is already gone is fine.
func (c *Container) Remove() {
	opts := client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}
	_, err := c.docker.Client.ContainerRemove(request(c.t), c.ID, opts)
	if err != nil && !errdefs.IsNotFound(err) {
		c.t.Errorf("remove container %s: %v", c.Name, err)
	}
	c.PID = 0
}

// Start starts the container, notes its PID, and returns when its program runs or has ended.
func (c *Container) Start() {
	c.t.Helper()
	_, err := c.docker.Client.ContainerStart(request(c.t), c.ID, client.ContainerStartOptions{})
	c.check("start", err)
	c.running()
}

// Stop asks the first process to end and kills it after a second.
func (c *Container) Stop() {
	c.t.Helper()
	second := 1
	_, err := c.docker.Client.ContainerStop(request(c.t), c.ID, client.ContainerStopOptions{Timeout: &second})
	c.check("stop", err)
	c.PID = 0
}

// Restart stops and starts the container. It notes the new PID,
// and returns when the program runs or has ended.
func (c *Container) Restart() {
	c.t.Helper()
	second := 1
	_, err := c.docker.Client.ContainerRestart(request(c.t), c.ID, client.ContainerRestartOptions{Timeout: &second})
	c.check("restart", err)
	c.running()
}

// running notes the PID and waits for the program.
func (c *Container) running() {
	c.t.Helper()
	c.PID = c.Inspect().State.Pid
	awaitProgram(c.t, c.PID)
}

// awaitProgram waits for a container's program: runtimes call a container started when `runc init`
// is told to execute it, and its command line is empty in the midst of that.
func awaitProgram(t testing.TB, pid int) {
	t.Helper()
	Wait(t, "the container's program", apiLimit, func() bool {
		args := cmdline(pid)
		_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		return err != nil || len(args) > 0 && !slices.Equal(args, []string{"runc", "init"})
	})
}

// Kill sends signal, such as SIGKILL, to the container's first process.
func (c *Container) Kill(signal string) {
	c.t.Helper()
	_, err := c.docker.Client.ContainerKill(request(c.t), c.ID, client.ContainerKillOptions{Signal: signal})
	c.check("kill", err)
}

// Rename gives the container another name.
func (c *Container) Rename(name string) {
	c.t.Helper()
	_, err := c.docker.Client.ContainerRename(request(c.t), c.ID, client.ContainerRenameOptions{NewName: name})
	c.check("rename", err)
	c.Name = name
}

// Pause freezes every process of the container.
func (c *Container) Pause() {
	c.t.Helper()
	_, err := c.docker.Client.ContainerPause(request(c.t), c.ID, client.ContainerPauseOptions{})
	c.check("pause", err)
}

// Unpause lets the processes go on.
func (c *Container) Unpause() {
	c.t.Helper()
	_, err := c.docker.Client.ContainerUnpause(request(c.t), c.ID, client.ContainerUnpauseOptions{})
	c.check("unpause", err)
}

func (c *Container) check(what string, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%s container %s: %v", what, c.Name, err)
	}
}
