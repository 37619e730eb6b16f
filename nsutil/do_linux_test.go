package nsutil_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"dlx/internal/testutil"
	"dlx/nsutil"
)

// TestOwn: a goroutine's own namespaces are never those that another one has joined on the same
// thread before or after.
func TestOwn(t *testing.T) {
	testutil.RequireRoot(t)
	want, err := nsutil.Own()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := nsutil.OnThread(func() error { return syscall.Unshare(syscall.CLONE_NEWUTS) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3000 {
		own, err := nsutil.Own()
		if differ := own.Differing(want); err != nil || differ != 0 {
			t.Errorf("other namespaces: %v, %v", differ, err)
			break
		}
	}
	cancel()
	wg.Wait()
}

// TestDo runs functions in a container's namespaces, at the same time, and checks that this process
// stays in its own.
func TestDo(t *testing.T) {
	testutil.RequireRoot(t)
	testutil.RequireDocker(t)
	image := testutil.Image(t, "do", testutil.Prog(t, "pause"))
	c := testutil.Run(t, testutil.RunOptions{Image: image, NetworkMode: "none", Hostname: "inside"})
	p := open(t, c.PID)
	before, err := nsutil.Own()
	if err != nil {
		t.Fatal(err)
	}
	leader := namespaces(t, os.Getpid())
	errs := make(chan error)
	for range 20 {
		go func() {
			errs <- p.Do(nsutil.Net|nsutil.Uts|nsutil.Mnt, func() error {
				list, lerr := net.Interfaces()
				if len(list) != 1 || list[0].Name != "lo" {
					lerr = fmt.Errorf("interfaces %v: %w", list, errors.Join(lerr, errors.ErrUnsupported))
				}
				name, nerr := os.Hostname()
				if name != "inside" {
					nerr = fmt.Errorf("host name %q: %w", name, errors.Join(nerr, errors.ErrUnsupported))
				}
				_, serr := os.Stat("/pause")
				return errors.Join(lerr, nerr, serr)
			})
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	after, err := nsutil.Own()
	if differ := after.Differing(before); err != nil || differ != 0 {
		t.Errorf("this thread has moved: %v, %v", differ, err)
	}
	if now := namespaces(t, os.Getpid()); fmt.Sprint(now) != fmt.Sprint(leader) {
		t.Errorf("the process's first thread has moved: %v, was %v", now, leader)
	}
	want := errors.New("f's own")
	if err := p.Do(nsutil.Net, func() error { return want }); !errors.Is(err, want) {
		t.Errorf("error %v, want f's", err)
	}
}

func ExampleOwn() {
	set, err := nsutil.Own()
	fmt.Println(len(set), set.Differing(set) == 0, err)
	// Output: 7 true <nil>
}
