package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// warmups are runs before the timed ones, which fill the page cache.
const warmups = 2

// pair is a dlx command and the one it is compared with.
type pair struct {
	name         string // of the row, such as "debug, docker exec"
	what         string
	ours, theirs []string
	budget, goal float64       // of the ratio of wall times; 0 is none
	extra        time.Duration // budget of the difference instead, if it is not 0
}

// result has the wall times of a pair, sorted.
type result struct {
	pair
	mine, other []time.Duration
	more        []time.Duration // mine without the other, of each round
}

// measure runs the two commands in turns, and the other one first every second time.
func measure(ctx context.Context, p pair, rounds int) (result, error) {
	r := result{pair: p}
	for i := range rounds + warmups {
		first, second := p.ours, p.theirs
		if i%2 == 1 {
			first, second = second, first
		}
		a, err := wall(ctx, first)
		if err != nil {
			return r, err
		}
		b, err := wall(ctx, second)
		if err != nil {
			return r, err
		}
		if i%2 == 1 {
			a, b = b, a
		}
		if i >= warmups {
			r.mine, r.other, r.more = append(r.mine, a), append(r.other, b), append(r.more, a-b)
		}
	}
	slices.Sort(r.mine)
	slices.Sort(r.other)
	slices.Sort(r.more)
	return r, nil
}

// wall is the time from start to end of a command that has to succeed. Its output goes nowhere.
func wall(ctx context.Context, args []string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%v: %w", args, err)
	}
	return time.Since(begin), nil
}

// quantile is the value below which the share q of the sorted times lies, interpolated.
func quantile(sorted []time.Duration, q float64) time.Duration {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	rest := at - float64(low)
	return sorted[low] + time.Duration(rest*float64(sorted[low+1]-sorted[low]))
}
