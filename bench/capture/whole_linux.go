package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// wholes are measured as their users pay for them: start and end included, with processes. So are
// their budgets. What a tool loses costs it nothing: its time is scaled to all packets.
var wholes = []traffic{
	{"whole: no packet", 0, 74, 0, 1, 1, 1.0, 21},
	{"whole: 74 B, unthrottled", 1_500_000, 74, 0, 1, 1, 0.60, 0},
	{"whole: 1,400 B, unthrottled", 1_000_000, 1400, 0, 1, 1, 0.40, 0},
	{"whole: 74 B, 100,000/s", 200_000, 74, 100_000, 1, 1, 0.75, 0},
	{"whole: 74 B, 10,000/s", 30_000, 74, 10_000, 1, 1, 1.0, 0},
}

// wholeOrder is that of the tools.
var wholeOrder = []string{"dlx", "tcpdump", "plain"}

func (b *bench) allWhole(ctx context.Context) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "traffic\tCPU ms dlx\tno processes\ttcpdump\tdlx : tcpdump (quartiles)\tbudget\tno processes : tcpdump\tlost dlx\ttcpdump")
	for _, c := range wholes {
		if !strings.HasPrefix(c.name, b.only) {
			continue
		}
		if err := b.compareWhole(ctx, w, c); err != nil {
			return err
		}
	}
	return w.Flush()
}

// compareWhole runs a case with every tool in turn, and prints a line of the table.
func (b *bench) compareWhole(ctx context.Context, w *tabwriter.Writer, c traffic) error {
	cpu, lost := map[string][]float64{}, map[string][]float64{}
	rounds := b.rounds
	if c.rounds > 0 {
		rounds = c.rounds
	}
	for round := range rounds {
		for i := range wholeOrder {
			name := wholeOrder[i]
			if round%2 == 1 { // each comes after each: a ring's memory is cheaper behind another's
				name = wholeOrder[len(wholeOrder)-1-i]
			}
			res, sent, err := b.once(ctx, b.tools()[name], c, true)
			if err != nil {
				return err
			}
			scale := float64(max(sent, 1)) / float64(max(res.captured, 1))
			cpu[name] = append(cpu[name], float64(res.cpu.Microseconds())/1000*scale)
			lost[name] = append(lost[name], 100*float64(sent-res.captured)/float64(max(sent, 1)))
		}
	}
	ratios, plain := ratiosOf(cpu["dlx"], cpu["tcpdump"]), ratiosOf(cpu["plain"], cpu["tcpdump"])
	fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.2f (%.2f-%.2f)\t%.2f\t%.2f\t%.2f %%\t%.2f %%\n", c.name,
		median(cpu["dlx"]), median(cpu["plain"]), median(cpu["tcpdump"]),
		median(ratios), ratios[len(ratios)/4], ratios[len(ratios)*3/4], c.budget, median(plain),
		median(lost["dlx"]), median(lost["tcpdump"]))
	return w.Flush()
}

// ratiosOf are the ratios of each round, the lowest first.
func ratiosOf(a, b []float64) []float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	slices.Sort(ratios)
	return ratios
}
