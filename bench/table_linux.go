package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/moby/moby/client"
)

// describe prints what the numbers depend on.
func describe(ctx context.Context, w io.Writer, d *docker, o options) error {
	server, err := d.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return fmt.Errorf("ask Docker for its version: %w", err)
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return err
	}
	program, err := os.Stat(o.dlx)
	if err != nil {
		return err
	}
	toolbox := "the built-in one"
	bundle := filepath.Join(filepath.Dir(o.dlx), "../toolbox/embedded/bundle.tar")
	if info, err := os.Stat(bundle); err == nil {
		toolbox = mebibytes(info.Size())
	}
	_, err = fmt.Fprintf(w, "machine: %d cores, Linux %s, Docker %s; dlx %s, toolbox %s; median of %d, interleaved\n\n",
		runtime.NumCPU(), strings.TrimSpace(string(kernel)), server.Version, mebibytes(program.Size()), toolbox, o.rounds)
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// table prints medians, the quartiles on either side as noise, and the ratio of the medians.
func table(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COMPARED\tDLX\tQUARTILES\tOTHER\tQUARTILES\tRATIO\tBUDGET\tGOAL\t")
	for _, r := range results {
		ratio := float64(quantile(r.mine, 0.5)) / float64(quantile(r.other, 0.5))
		goal := "-"
		if r.goal > 0 {
			goal = fmt.Sprintf("%.2f", r.goal)
		}
		value, budget := fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%.2f %s", r.budget, verdict(ratio <= r.budget))
		if r.budget == 0 {
			budget = "-"
		}
		if r.extra > 0 {
			more := quantile(r.more, 0.5)
			value, budget = fmt.Sprintf("%+.1f ms", more.Seconds()*1000), "+"+milliseconds(r.extra)+" "+verdict(more <= r.extra)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.name,
			milliseconds(quantile(r.mine, 0.5)), quartiles(r.mine),
			milliseconds(quantile(r.other, 0.5)), quartiles(r.other), value, budget, goal)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range results {
		fmt.Fprintf(w, "%s:\n  %s\n  %s\n", r.what, strings.Join(r.ours, " "), strings.Join(r.theirs, " "))
	}
	return nil
}

func verdict(kept bool) string {
	if kept {
		return "kept"
	}
	return "missed"
}

func quartiles(times []time.Duration) string {
	return milliseconds(quantile(times, 0.25)) + " to " + milliseconds(quantile(times, 0.75))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
