package linux_test

import (
	"encoding/binary"
	"errors"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// TestBirths: of each process that is forked is told, and of no thread.
func TestBirths(t *testing.T) {
	testutil.RequireRoot(t)
	births, err := linux.WatchBirths()
	if err != nil {
		t.Fatal(err)
	}
	defer births.Close()
	if none, err := births.Next(time.Now().Add(-time.Second)); len(none) > 0 || err != nil {
		t.Logf("others fork: %v, %v", none, err)
	}
	cmd := exec.Command(testutil.RequireTool(t, "true"))
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	testutil.Wait(t, "the birth of a process", copyLimit, func() bool {
		pids, err := births.Next(time.Now().Add(copyLimit))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(pids, cmd.Process.Pid)
	})
}

// TestNoBirths: where the kernel tells of no births, that is an error of its own kind.
func TestNoBirths(t *testing.T) {
	testutil.RequireRoot(t)
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and the thread ends
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			result <- err
			return
		}
		births, err := linux.WatchBirths()
		if err == nil {
			err = errors.Join(errors.New("it watches"), births.Close())
		}
		result <- err
	}()
	if err := <-result; !errors.Is(err, linux.ErrNoBirths) {
		t.Errorf("in another network namespace: %v, want linux.ErrNoBirths", err)
	}
}

// FuzzParseBirths: whatever comes, the numbers are those of processes.
func FuzzParseBirths(f *testing.F) {
	fork := make([]byte, 16+20+32)
	binary.NativeEndian.PutUint32(fork, uint32(len(fork)))
	binary.NativeEndian.PutUint32(fork[36:], 1)
	binary.NativeEndian.PutUint32(fork[60:], 7)
	binary.NativeEndian.PutUint32(fork[64:], 7)
	if got := linux.ParseBirths(fork); !slices.Equal(got, []int{7}) {
		f.Fatalf("%v", got)
	}
	f.Add(fork)
	f.Add(append(slices.Clone(fork), fork...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pid := range linux.ParseBirths(data) {
			if pid <= 0 {
				t.Errorf("process %d", pid)
			}
		}
	})
}
