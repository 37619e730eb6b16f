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
