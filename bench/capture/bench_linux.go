package main

import (
	"context"
	"dlx/bench/daemon"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

type bench struct {
	options
	ns    *namespace
	agent *daemon.Agent
}

// traffic is what one case sends.
type traffic struct {
	name       string
	packets    int // of each generator
	size, rate int
	generators int
	flows      int     // of each generator; 0 is one
	budget     float64 // dlx's CPU time to tcpdump's, at most; 0 for none
	rounds     int     // if not those of the flag
}

// cases are measured from the first packet on. Their budgets are for captures without processes.
var cases = []traffic{
	{"74 B, unthrottled", 2_000_000, 74, 0, 1, 1, 0.55, 0},
	{"1,400 B, unthrottled", 1_000_000, 1400, 0, 1, 1, 0.45, 0},
	{"74 B, 100,000/s", 500_000, 74, 100_000, 1, 1, 0.75, 0},
	{"74 B, 10,000/s", 100_000, 74, 10_000, 1, 1, 1.0, 0},
	{"74 B, 1,000 flows", 2_000_000, 74, 0, 1, 1000, 0, 0},
	{"74 B, two generators", 1_500_000, 74, 0, 2, 1, 0, 0},
	{"74 B, 10 million", 10_000_000, 74, 0, 1, 1000, 0, 1},
}

func (b *bench) all(ctx context.Context) error {
	if err := b.allWhole(ctx); err != nil {
		return err
	}
	if err := b.allAgent(ctx); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "traffic\tCPU ns/packet dlx\tno processes\ttcpdump\tdumpcap\tno processes : tcpdump (quartiles)\tbudget\tdlx : tcpdump\tprocesses : none\tlost dlx\ttcpdump\tdumpcap\tmemory dlx")
	for _, c := range cases {
		if !strings.HasPrefix(c.name, b.only) {
			continue
		}
		if err := b.compare(ctx, w, c); err != nil {
			return err
		}
	}
	return w.Flush()
}

// order is that of the tools; plain is dlx without processes.
var order = []string{"dlx", "tcpdump", "dumpcap", "plain"}

// compare runs a case with every tool in turn, and prints a line of the table.
func (b *bench) compare(ctx context.Context, w *tabwriter.Writer, c traffic) error {
	perPacket, lost := map[string][]float64{}, map[string][]float64{}
	var ratios, whole, costs []float64
	peak := 0
	rounds := b.rounds
	if c.rounds > 0 {
		rounds = c.rounds
	}
	for round := range rounds {
		for i := range order {
			name := order[(i+round)%len(order)] // each comes first in turn
			res, sent, err := b.once(ctx, b.tools()[name], c, false)
			if err != nil {
				return err
			}
			perPacket[name] = append(perPacket[name], float64(res.cpu.Nanoseconds())/float64(max(res.captured, 1)))
			lost[name] = append(lost[name], 100*float64(sent-res.captured)/float64(sent))
			if name == "dlx" {
				peak = max(peak, res.peak)
			}
		}
		ratios = append(ratios, perPacket["plain"][round]/perPacket["tcpdump"][round])
		whole = append(whole, perPacket["dlx"][round]/perPacket["tcpdump"][round])
		costs = append(costs, perPacket["dlx"][round]/perPacket["plain"][round])
	}
	budget := "-"
	if c.budget > 0 {
		budget = fmt.Sprintf("%.2f", c.budget)
	}
	slices.Sort(ratios)
	fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f (%.2f-%.2f)\t%s\t%.2f\t%.2f\t%.2f %%\t%.2f %%\t%.2f %%\t%.1f MiB\n", c.name,
		median(perPacket["dlx"]), median(perPacket["plain"]), median(perPacket["tcpdump"]), median(perPacket["dumpcap"]),
		median(ratios), ratios[len(ratios)/4], ratios[len(ratios)*3/4], budget, median(whole), median(costs),
		median(lost["dlx"]), median(lost["tcpdump"]), median(lost["dumpcap"]), float64(peak)/1024)
	return w.Flush()
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// once runs one tool on a case's traffic. With whole, its start counts.
func (b *bench) once(ctx context.Context, t tool, c traffic, whole bool) (_ result, sent int, err error) {
	r, err := b.start(ctx, t)
	if err != nil {
		return result{}, 0, err
	}
	if !whole {
		if err := r.mark(); err != nil {
			return result{}, 0, err
		}
	}
	var wg sync.WaitGroup
	totals, errs := make([]int, c.generators), make([]error, c.generators)
	for i := range c.generators {
		wg.Go(func() { totals[i], errs[i] = b.ns.send(ctx, &c, int(float64(c.packets)*b.scale)) })
	}
	wg.Wait()
	for _, n := range totals {
		sent += n
	}
	err = errors.Join(errors.Join(errs...), r.settled(ctx))
	res, stopErr := r.stop()
	return res, sent, errors.Join(err, stopErr, os.Remove(r.file))
}

// settled waits until the tool has nothing more to do: its CPU time does not grow any longer.
func (r *running) settled(ctx context.Context) error {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	last := time.Duration(-1)
	for {
		now, err := r.cpuTime()
		if err != nil || now-last < time.Millisecond && last >= 0 {
			return err
		}
		last = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
