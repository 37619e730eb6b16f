package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// docker is Docker with the containers that were made here.
type docker struct {
	*client.Client
	made []string
}

type started struct {
	id  string
	pid int
}

func connect() (*docker, error) {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	return &docker{Client: c}, nil
}

// start starts a container that does nothing. It has no network, which takes time to set up.
func (d *docker) start(ctx context.Context, image string) (started, error) {
	created, err := d.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:       "dlx-bench-" + strings.ToLower(rand.Text()[:10]),
		Config:     &container.Config{Image: image, Cmd: []string{"/pause"}},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		return started{}, fmt.Errorf("create container: %w", err)
	}
	d.made = append(d.made, created.ID)
	if _, err := d.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return started{}, fmt.Errorf("start container: %w", err)
	}
	info, err := d.ContainerInspect(ctx, created.ID, client.ContainerInspectOptions{})
	if err != nil {
		return started{}, fmt.Errorf("inspect container: %w", err)
	}
	return started{id: created.ID, pid: info.Container.State.Pid}, nil
}

// close removes the containers, also after an interrupt.
func (d *docker) remove() error {
	var errs []error
	for _, id := range d.made {
		_, err := d.ContainerRemove(context.Background(), id, client.ContainerRemoveOptions{Force: true})
		errs = append(errs, err)
	}
	return errors.Join(append(errs, d.Close())...)
}

// nsenter finds out which nsenter works. One may join, with --all, the
// user namespace that it is in: the kernel refuses that (setns(2),
// EINVAL). Most containers have no user namespace of their own.
func nsenter(ctx context.Context, pid int) (command []string, note string, err error) {
	try := func(namespaces ...string) error {
		command = slices.Concat([]string{"nsenter", "-t", strconv.Itoa(pid)}, namespaces, []string{"/true"})
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, out)
		}
		return nil
	}
	if try("-a") == nil {
		return command, "", nil
	}
	err = try("-m", "-u", "-i", "-n", "-p")
	return command, " (nsenter -a fails here: EINVAL for the user namespace)", err
}
