package linux_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/linux"
)

// TestForkByStopped: a process that takes no plan, or does not answer, is not waited for without an
// end. The defence is the socket's limit, and that of the answer.
func TestForkByStopped(t *testing.T) {
	defer linux.SetAnswerLimit(100 * time.Millisecond)()
	for name, env := range map[string]int{"short": 0, "long": 64} {
		t.Run(name, func(t *testing.T) {
			conn, theirs, err := linux.Pair()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			defer theirs.Close()
			p := linux.NewPlan()
			p.Exec([]string{"true"}, make([]string, 0, env))
			for range env {
				p.Exec([]string{strings.Repeat("x", 1<<16)}, nil)
			}
			_, _, err = p.ForkBy(t.Context(), conn)
			if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.EAGAIN) {
				t.Errorf("error %v, want that of a limit", err)
			}
		})
	}
}

// TestForkByEnded: the other process ends before it has read the plan, within it, or before it
// answers; each is known as its end.
func TestForkByEnded(t *testing.T) {
	for name, read := range map[string]int{"at once": 0, "within": 100, "before the answer": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			conn, theirs, err := linux.Pair()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ended := make(chan error, 1)
			end := func() {
				if read > 0 {
					_, _ = theirs.Read(make([]byte, read)) // the plan is one message, or nearly
				}
				ended <- theirs.Close()
			}
			if read == 0 {
				end()
			} else {
				go end()
			}
			p := linux.NewPlan()
			p.Exec([]string{"true"}, nil)
			if _, _, err = p.ForkBy(t.Context(), conn); !errors.Is(err, linux.ErrServerEnded) {
				t.Errorf("error %v, want ErrServerEnded", err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
