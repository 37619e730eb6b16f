package capture_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"dlx/capture"
	"dlx/nsutil"
)

// Packets of a process's network namespace go to standard output until Ctrl-C.
func ExampleOpen() {
	p, err := nsutil.Open(os.Getppid())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	enter := func(f func() error) error { return p.Do(nsutil.Net, f) }
	c, err := openErr(enter, capture.Options{Interface: capture.Any, SnapLen: 128, Application: "example"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	stats, err := c.Run(ctx, capture.ToWriter(os.Stdout))
	fmt.Fprintln(os.Stderr, stats.Captured, "packets captured,", stats.Dropped, "dropped by the kernel", err)
	_, _ = c.Close(), p.Close()
}
