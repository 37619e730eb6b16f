package testutil

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Inspect is what Docker says about the container.
func (c *Container) Inspect() container.InspectResponse {
	c.t.Helper()
	res, err := c.docker.Client.ContainerInspect(request(c.t), c.ID, client.ContainerInspectOptions{})
	c.check("inspect", err)
	return res.Container
}

// Diff lists changes of the container's file system as `docker diff` does, sorted: "A /tmp/x".
func (c *Container) Diff() []string {
	c.t.Helper()
	res, err := c.docker.Client.ContainerDiff(request(c.t), c.ID, client.ContainerDiffOptions{})
	c.check("diff", err)
	lines := make([]string, 0, len(res.Changes))
	for _, change := range res.Changes {
		lines = append(lines, fmt.Sprintf("%s %s", change.Kind, change.Path))
	}
	slices.Sort(lines)
	return lines
}

// Exec runs a command in the container through Docker and returns its exit status and what it
// printed on standard output and standard error. A command that can not be started has the status
// that Docker gives it, 126 or 127.
func (c *Container) Exec(cmd ...string) (int, string) {
	c.t.Helper()
	return c.ExecWith(client.ExecCreateOptions{Cmd: cmd})
}

// ExecWith is Exec with all of Docker's options; the standard streams are its own business.
func (c *Container) ExecWith(opts client.ExecCreateOptions) (int, string) {
	c.t.Helper()
	opts.AttachStdout, opts.AttachStderr, opts.TTY = true, true, false
	exec, err := c.docker.Client.ExecCreate(request(c.t), c.ID, opts)
	c.check("create exec in", err)
	conn, err := c.docker.Client.ExecAttach(request(c.t), exec.ID, client.ExecAttachOptions{})
	c.check("attach to exec in", err)
	defer conn.Close()
	c.check("bound exec in", conn.Conn.SetDeadline(time.Now().Add(apiLimit)))
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, conn.Reader)
	c.check("read from exec in", err)
	res, err := c.docker.Client.ExecInspect(request(c.t), exec.ID, client.ExecInspectOptions{})
	c.check("inspect exec in", err)
	return res.ExitCode, out.String()
}

// Logs is what the container's first process has printed on both streams.
func (c *Container) Logs() string {
	c.t.Helper()
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true}
	r, err := c.docker.Client.ContainerLogs(request(c.t), c.ID, opts)
	c.check("read logs of", err)
	defer func() { _ = r.Close() }()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, r)
	c.check("read logs of", err)
	return out.String()
}

// MountInfo is the mount table of the container's first process, read from the host.
func (c *Container) MountInfo() string {
	c.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", c.PID))
	c.check("read mountinfo of", err)
	return string(data)
}

// Process is a process as the host sees it.
type Process struct {
	// PID is its ID in the host's pid namespace.
	PID int
	// Args is its command line; empty for one that is ending.
	Args []string
}

// Processes lists the processes of the container's pid namespace, whoever started them, by PID.
func (c *Container) Processes() []Process {
	c.t.Helper()
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", c.PID))
	c.check("find pid namespace of", err)
	dirs, err := filepath.Glob("/proc/[0-9]*")
	c.check("list processes of", err)
	var found []Process
	for _, dir := range dirs {
		if other, err := os.Readlink(dir + "/ns/pid"); err != nil || other != ns {
			continue // another namespace, or it ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		c.check("list processes of", err)
		found = append(found, Process{PID: pid, Args: cmdline(pid)})
	}
	slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
	return found
}

func cmdline(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}
