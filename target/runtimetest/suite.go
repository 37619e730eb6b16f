//go:build linux

// Package runtimetest is the suite that every target.Runtime passes, on containers that a fixture
// makes in the real runtime.
package runtimetest

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"dlx/internal/testutil"
	"dlx/target"
)

// limit is how long one question may take on a busy machine.
const limit = time.Minute

// Suite is a runtime under test.
type Suite struct {
	// Open returns the runtime that is reached at a socket. The suite closes it.
	Open func(t *testing.T, socket string) target.Runtime
	// Socket is the runtime's.
	Socket string
	// Run makes a container whose one program does nothing. It starts it, unless told not to.
	Run func(t *testing.T, o Options) Container
	// NoPause says that containers can not be paused here, and NoRootfs that the runtime names no
	// directory of this host.
	NoPause, NoRootfs bool
}

// Options are a container's; the fixture makes up an empty name.
type Options struct {
	Name    string
	Labels  map[string]string
	Env     []string
	NoStart bool
}

// Container is one that a fixture has made, and takes away when the test ends. Where a restart is
// another container it is that one from then on.
type Container interface {
	ID() string
	Name() string
	PID() int // of its first process on this host, 0 if it has none
	Start()
	Stop()
	Restart()
	Pause()
	Unpause()
	Rename(name string)
	Remove()
}

// Test runs the suite.
func (s *Suite) Test(t *testing.T) {
	testutil.RequireRoot(t)
	t.Run("list", s.list)
	t.Run("find", s.find)
	t.Run("inspect", s.inspect)
	t.Run("rootfs", s.rootfs)
	t.Run("watch", s.watch)
	t.Run("silent", s.silent)
	t.Run("absent", s.absent)
}

// open opens the runtime for the length of a test.
func (s *Suite) open(t *testing.T, socket string) target.Runtime {
	t.Helper()
	r := s.Open(t, socket)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// rootOf identifies the root directory that a process sees.
func rootOf(t *testing.T, dir string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Bounded is the context of a question. It outlives the test's own, so that clean-up can use it.
func Bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	t.Cleanup(cancel)
	return ctx
}

// IDs are a list's, sorted.
func IDs(list []target.Info) (all []string) {
	for _, c := range list {
		all = append(all, c.ID)
	}
	slices.Sort(all)
	return all
}
