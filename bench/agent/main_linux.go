// Agent measures what only an agent has: how soon what is typed is echoed while many sessions are
// open, and what it takes while nobody asks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"dlx/bench/daemon"
)

type options struct {
	dlx, container string
	sessions       int
	typing, idle   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.dlx, "dlx", "bin/dlx", "the dlx program")
	flag.StringVar(&o.container, "container", "", "a running container")
	flag.IntVar(&o.sessions, "sessions", 50, "sessions at once")
	flag.DurationVar(&o.typing, "typing", 10*time.Second, "how long is typed in all of them")
	flag.DurationVar(&o.idle, "idle", 20*time.Second, "how long the agent is left alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	a, err := daemon.Start(ctx, o.dlx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	if err := idle(ctx, a, o.idle, "before its first session"); err != nil {
		return err
	}
	for _, n := range []int{1, o.sessions} {
		times, err := echoes(ctx, a, o, n)
		if err != nil {
			return err
		}
		slices.Sort(times)
		at := func(q float64) time.Duration { return times[int(q*float64(len(times)-1))] }
		fmt.Printf("%d sessions, 10 keystrokes a second in each: %d echoes, median %s, 99 %% %s, longest %s (median wanted: 20ms)\n",
			n, len(times), round(at(0.5)), round(at(0.99)), round(at(1)))
	}
	return idle(ctx, a, o.idle, "after them")
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// idle tells what the agent takes while nobody asks it anything.
func idle(ctx context.Context, a *daemon.Agent, length time.Duration, when string) error {
	before, err := daemon.CPUTime(a.PID())
	if err != nil {
		return err
	}
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := daemon.CPUTime(a.PID())
	if err != nil {
		return err
	}
	memory, err := daemon.Memory(a.PID(), "VmRSS")
	if err != nil {
		return err
	}
	anonymous, err := daemon.Memory(a.PID(), "RssAnon")
	if err != nil {
		return err
	}
	fmt.Printf("idle %s: %.3f %% of a core (wanted: 0.1), %.1f MiB resident, %.1f of them its own (wanted: 30)\n",
		when, 100*float64(after-before)/float64(length), float64(memory)/1024, float64(anonymous)/1024)
	return nil
}
