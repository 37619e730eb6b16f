package engine_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"dlx/internal/testutil"
	"dlx/nsutil"
	"dlx/target"
)

// fakeContainer is one of a fake's.
type fakeContainer struct {
	target.Info
	cmd *exec.Cmd // nil without a process
}

// passes says whether a filter lets a container through that has a process.
func (c *fakeContainer) passes(f target.Filter) bool {
	return (f.ID == "" || f.ID == c.ID) && !slices.ContainsFunc(f.Labels, func(label string) bool {
		key, value, valued := strings.Cut(label, "=")
		has, ok := c.Labels[key]
		return !ok || valued && has != value
	})
}

// run starts a container with a network namespace of its own, and tells of it.
func (f *fake) run(name string, labels ...string) *fakeContainer {
	f.t.Helper()
	c := f.add(name, labels...)
	f.start(c, nil)
	return c
}

// add makes a container without a process.
func (f *fake) add(name string, labels ...string) *fakeContainer {
	c := &fakeContainer{Info: target.Info{
		Runtime: f.scheme, ID: "id-of-" + name, Name: name, Image: "image", State: target.Created, Labels: map[string]string{},
	}}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		c.Labels[key] = value
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.there = append(f.there, c)
	return c
}

// start gives a container a process, in another one's network namespace if there is one to share.
func (f *fake) start(c, share *fakeContainer) {
	f.t.Helper()
	cmd := exec.Command(testutil.RequireTool(f.t, "cat"))
	if _, err := cmd.StdinPipe(); err != nil { // whose other end is the test's: it does not outlive that
		f.t.Fatal(err)
	}
	begin := cmd.Start
	if share == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	} else {
		begin = func() error { return share.enter(cmd.Start) }
	}
	if err := begin(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { end(cmd) })
	f.mu.Lock()
	c.cmd, c.PID, c.State, c.Started = cmd, cmd.Process.Pid, target.Running, time.Now()
	f.mu.Unlock()
	if err := c.enter(loopbackUp); err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.watches {
		if c.passes(w.Filter) {
			w.events <- target.Event{Ref: c.Ref()}
		}
	}
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// stop ends a container's process; state is what the runtime says of it then, "" that it is gone.
func (f *fake) stop(c *fakeContainer, state target.State) {
	f.mu.Lock()
	c.State, c.PID = state, 0
	if state == "" {
		f.there = slices.DeleteFunc(f.there, func(o *fakeContainer) bool { return o == c })
	}
	cmd := c.cmd
	f.mu.Unlock()
	end(cmd)
}

// enter runs fn on a thread in the container's network namespace.
func (c *fakeContainer) enter(fn func() error) (err error) {
	p, err := nsutil.Open(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return p.Do(nsutil.Net, fn)
}
