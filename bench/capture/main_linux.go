// Capture times `dlx capture -w` against `tcpdump -w` and dumpcap, with the same ring, on the same
// traffic. Runs are paired: each round has one of each program, in turn, and the ratios are medians
// of those of the rounds. All traffic goes over a veth pair in a network namespace that is made
// here, bounded in packets.
package main

import (
	"context"
	"dlx/bench/daemon"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options are the flags; scripts/bench.sh sets the first one.
type options struct {
	dlx    string
	rounds int
	scale  float64
	only   string
	dir    string
}

func main() {
	var o options
	flag.StringVar(&o.dlx, "dlx", "bin/dlx", "the dlx program")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each case")
	flag.Float64Var(&o.scale, "scale", 1, "how much of the traffic to send")
	flag.StringVar(&o.only, "only", "", "the one case to run, by the beginning of its name")
	flag.StringVar(&o.dir, "dir", "", "folder on a disk for the capture files; a new one under the working directory")
	keep := flag.Bool("hold", false, "be the process of the namespace (used by itself)")
	flag.Parse()
	if *keep {
		if err := hold(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir, err = os.MkdirTemp(o.dir, "dlx-bench-"); err != nil {
		return err
	}
	ns, err := newNamespace(ctx)
	if err != nil {
		return errors.Join(err, os.RemoveAll(o.dir))
	}
	defer func() { err = errors.Join(err, ns.close(), os.RemoveAll(o.dir)) }()
	agent, err := daemon.Start(ctx, o.dlx)
	if err != nil {
		return err
	}
	return errors.Join((&bench{o, ns, agent}).all(ctx), agent.Stop())
}
