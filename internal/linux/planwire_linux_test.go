package linux_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/linux"
)

// TestForkByStopped: a process that takes no plan, or does not answer, is waited for within limits.
// The defences are the limits of the socket and of the answer.
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

// TestServePlansBad: what no part of dlx has written is refused, and runs nothing. The defence is
// each bound in Plan.read.
func TestServePlansBad(t *testing.T) {
	step := func(kind, value uint64) []uint64 { return append([]uint64{0, 0, kind, value}, make([]uint64, 10)...) }
	const memory, file = 1, 2
	for name, words := range map[string][]uint64{
		"no step":                    {0, 0, 0, 0},
		"too many steps":             {1 << 40, 0, 0, 0},
		"too much memory":            {1, math.MaxUint64, 0, 0},
		"too many links":             {1, 0, 1 << 40, 0},
		"a cgroup without a file":    {1, 0, 0, 1},
		"an argument behind memory":  append([]uint64{1, 0, 0, 0}, step(memory, 8)...),
		"an argument without a file": append([]uint64{1, 0, 0, 0}, step(file, 0)...),
		"a link behind memory":       append(append([]uint64{1, 1, 1, 0}, step(0, 0)...), 0, 8),
		"a link that wraps":          append(append([]uint64{1, 1, 1, 0}, step(0, 0)...), 0, math.MaxUint64-7),
		"a link between words":       append(append([]uint64{1, 2, 1, 0}, step(0, 0)...), 0, 0, 4),
	} {
		t.Run(name, func(t *testing.T) {
			conn, theirs, err := linux.Pair()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var b []byte
			for _, w := range words {
				b = binary.NativeEndian.AppendUint64(b, w)
			}
			_, err = theirs.Write(b)
			if err = errors.Join(err, theirs.Close()); err != nil {
				t.Fatal(err)
			}
			if err = linux.ServePlans(conn, func([]*linux.FD) {}); !errors.Is(err, linux.ErrBadPlan) {
				t.Errorf("error %v, want that of a bad plan", err)
			}
		})
	}
}
