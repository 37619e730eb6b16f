// Bench times dlx against the commands that people use today, and prints the ratios. Each pair of
// commands runs interleaved in one process, so that what slows the machine down slows both; nothing
// here decides whether a test passes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dlx/bench/daemon"
)

// options are the flags; scripts/bench.sh sets the first three.
type options struct {
	dlx    string
	image  string
	empty  string
	rounds int
	many   int
	only   string
}

// wants says whether a row is to be run.
func (o *options) wants(row string) bool { return strings.HasPrefix(row, o.only) }

func main() {
	var o options
	flag.StringVar(&o.dlx, "dlx", "bin/dlx", "the dlx program")
	flag.StringVar(&o.image, "image", "", "an image with the static programs /pause and /true")
	flag.StringVar(&o.empty, "empty", "", "the program of bench/empty, built as dlx is")
	flag.IntVar(&o.rounds, "rounds", 20, "timed runs of each command")
	flag.IntVar(&o.many, "many", 200, "containers that run while ps is timed")
	flag.StringVar(&o.only, "only", "", "the rows to run, by the beginning of their names")
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
	d, err := connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.remove()) }()
	one, err := d.start(ctx, o.image)
	if err != nil {
		return err
	}
	if err := describe(ctx, os.Stdout, d, o); err != nil {
		return err
	}
	enter, note, err := nsenter(ctx, one.pid)
	if err != nil {
		return err
	}
	a, err := daemon.Start(ctx, o.dlx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	pairs := []pair{
		{
			ours:   []string{o.dlx, "version"},
			theirs: []string{o.empty},
			name:   "version : an empty Go program",
			what:   "a start that does nothing", budget: 3.5, goal: 1.5,
		},
		{
			ours:   []string{o.dlx, "debug", one.id, "--", "/true"}, // the same program on both sides, the container's
			theirs: []string{"docker", "exec", one.id, "/true"},
			name:   "debug : docker exec",
			what:   "a command, toolbox verified and mounted", budget: 0.6, goal: 0.35,
		},
		{
			ours:   []string{o.dlx, "debug", one.id, "--fs", "target", "--", "/true"},
			theirs: enter,
			name:   "debug --fs target : nsenter",
			what:   "a command, nothing mounted" + note, budget: 8,
		},
		{
			ours:   []string{o.dlx, "debug", one.id, "--", "/true"},
			theirs: []string{o.dlx, "debug", one.id, "--fs", "target", "--", "/true"},
			name:   "toolbox : none",
			what:   "what verifying and placing the toolbox adds to a command", extra: 10 * time.Millisecond,
		},
		{
			ours:   []string{o.dlx, "--agent", a.Address, "debug", one.id, "--", "/true"},
			theirs: []string{"docker", "exec", one.id, "/true"},
			name:   "agent : docker exec",
			what:   "a command through an agent, allowed by a policy and recorded", budget: 0.6, goal: 0.25,
		},
		{
			ours:   []string{o.dlx, "--agent", a.Address, "debug", one.id, "--", "/true"},
			theirs: []string{o.dlx, "debug", one.id, "--", "/true"},
			name:   "agent : debug",
			what:   "what the agent, its policy and the record add to a command", extra: 10 * time.Millisecond,
		},
	}
	var results []result
	for _, p := range pairs {
		if !o.wants(p.name) {
			continue
		}
		r, err := measure(ctx, p, o.rounds)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	for _, b := range beginnings(one) {
		if !o.wants(b.name) {
			continue
		}
		r, err := firstPacket(ctx, one, o, b)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if list := "ps : docker ps"; o.wants(list) {
		r, err := lists(ctx, d, o, list)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return table(os.Stdout, results)
}

// lists measures how long it takes to list many containers, which it starts.
func lists(ctx context.Context, d *docker, o options, name string) (result, error) {
	for len(d.made) < o.many {
		if _, err := d.start(ctx, o.image); err != nil {
			return result{}, err
		}
	}
	return measure(ctx, pair{
		ours: []string{o.dlx, "ps"}, theirs: []string{"docker", "ps"},
		name: name,
		what: "the list of " + strconv.Itoa(o.many) + " containers", budget: 1.5, goal: 0.6,
	}, o.rounds)
}
