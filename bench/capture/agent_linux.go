package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
)

// agents are captures through an agent, whose CPU time counts as the client's does. Budgets are of
// the ratio to the same capture without it.
var agents = []traffic{
	{"agent: 100 B, 200,000/s", 1_000_000, 100, 200_000, 1, 1, 1.6, 0},
	{"agent: 74 B, unthrottled", 2_000_000, 74, 0, 1, 1, 0, 0},
}

func (b *bench) allAgent(ctx context.Context) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "traffic\tCPU ns/packet agent\tdlx\tagent : dlx (quartiles)\tbudget\tlost agent\tdlx")
	for _, c := range agents {
		if !strings.HasPrefix(c.name, b.only) {
			continue
		}
		if err := b.compareAgent(ctx, w, c); err != nil {
			return err
		}
	}
	return w.Flush()
}

// compareAgent runs a case with and without the agent in turn, and prints a line of the table.
func (b *bench) compareAgent(ctx context.Context, w *tabwriter.Writer, c traffic) error {
	perPacket, lost := map[string][]float64{}, map[string][]float64{}
	names := []string{"agent", "dlx"}
	for round := range b.rounds {
		for i := range names {
			name := names[(i+round)%2]
			res, sent, err := b.once(ctx, b.tools()[name], c, false)
			if err != nil {
				return err
			}
			perPacket[name] = append(perPacket[name], float64(res.cpu.Nanoseconds())/float64(max(res.captured, 1)))
			lost[name] = append(lost[name], 100*float64(sent-res.captured)/float64(sent))
		}
	}
	ratios := ratiosOf(perPacket["agent"], perPacket["dlx"])
	budget := "-"
	if c.budget > 0 {
		budget = fmt.Sprintf("%.2f", c.budget)
	}
	fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f (%.2f-%.2f)\t%s\t%.2f %%\t%.2f %%\n", c.name, median(perPacket["agent"]), median(perPacket["dlx"]),
		median(ratios), ratios[len(ratios)/4], ratios[len(ratios)*3/4], budget, median(lost["agent"]), median(lost["dlx"]))
	return w.Flush()
}
