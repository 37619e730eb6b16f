package shell

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"dlx/fault"
	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// TestKeeperKilled: a session whose keeper is killed before it answers says so, and what to do.
func TestKeeperKilled(t *testing.T) {
	data := testutil.Prog(t, "pause").Data
	program, err := linux.SealedProgram("pause", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	k, err := startKeeper(program, "dlx-test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer k.conn.Close()
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = k.cmd.Wait()
	_, err = k.spawn(t.Context(), linux.NewPlan())
	if !errors.Is(err, fault.KeeperLost) || !strings.HasPrefix(err.Error(), "the session's keeper has ended before the session began") {
		t.Errorf("error %v, want fault.KeeperLost", err)
	}
}

// TestKeeperProgram: the keeper is the program whatever number that has here. os/exec moves a pipe
// of its own above the child's descriptors, and so onto one that is just there.
func TestKeeperProgram(t *testing.T) {
	data := testutil.Prog(t, "true").Data
	program, err := linux.SealedProgram("true", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	stop, churned := make(chan struct{}), make(chan struct{})
	go func() { // what else the process opens and closes meanwhile makes room below
		defer close(churned)
		for {
			var held [8]*linux.FD
			for i := range held {
				held[i], _ = program.Dup()
			}
			_ = linux.CloseAll(held[:]...)
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	defer func() { close(stop); <-churned }()
	for n := range 400 {
		least := n % 40
		raw, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(program.Int()), syscall.F_DUPFD_CLOEXEC, uintptr(least))
		if errno != 0 {
			t.Fatal(errno)
		}
		dup := linux.NewFD(int(raw))
		k, err := startKeeper(dup, "dlx-test", nil)
		if err != nil {
			t.Fatalf("descriptor %d: %v", raw, err)
		}
		k.dismiss()
		if err := dup.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
