package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"dlx/capture/pcapng"
	"dlx/nsutil"
)

// Traffic that a capture can begin with: bounded, and inside the container's own network namespace.
const (
	datagramEvery = 200 * time.Microsecond
	trafficLimit  = 5 * time.Minute
)

// traffic sends datagrams over the container's loopback until ctx ends.
func traffic(ctx context.Context, pid int) error {
	p, err := nsutil.Open(pid)
	if err != nil {
		return err
	}
	defer p.Close()
	var conn net.PacketConn
	err = p.Do(nsutil.Net, func() (err error) {
		conn, err = net.ListenPacket("udp4", "127.0.0.1:0")
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	tick := time.NewTicker(datagramEvery)
	defer tick.Stop()
	for end := time.Now().Add(trafficLimit); time.Now().Before(end); {
		if _, err := conn.WriteTo([]byte("x"), conn.LocalAddr()); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// beginning is a start of a capture by dlx, and the same by tcpdump.
type beginning struct {
	name   string
	target string   // what dlx is told
	enter  []string // what tcpdump is started by
	budget float64  // no budget is 0
}

// beginnings are those of a container. nsenter takes a process's number; whoever has a name has to
// ask for it first, as dlx does.
func beginnings(c started) []beginning {
	pid := strconv.Itoa(c.pid)
	enter := []string{"nsenter", "-t", pid, "-n"}
	ask := []string{"sh", "-c", `exec nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$0")" -n "$@"`, c.id}
	return []beginning{
		{"capture pid://N : nsenter tcpdump", "pid://" + pid, enter, 1},
		{"capture NAME : nsenter tcpdump", c.id, enter, 1},
		{"capture NAME : docker inspect, nsenter tcpdump", c.id, ask, 0},
	}
}

// firstPacket measures from a program's start to the time stamp of the first packet it keeps.
func firstPacket(ctx context.Context, c started, o options, w beginning) (_ result, err error) {
	dir, err := os.MkdirTemp("", "dlx-bench-")
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ours, theirs := filepath.Join(dir, "dlx"), filepath.Join(dir, "tcpdump")
	r := result{pair: pair{
		ours:   []string{o.dlx, "capture", w.target, "-i", "lo", "-c", "1", "-w", ours},
		theirs: append(slices.Clone(w.enter), "tcpdump", "-n", "-Z", "root", "-B", "32768", "-i", "lo", "-c", "1", "-w", theirs),
		name:   w.name,
		what:   "from the start to the first packet, rings of 32 MiB", budget: w.budget,
	}}
	ctx, stop := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- traffic(ctx, c.pid) }()
	defer func() {
		stop()
		err = errors.Join(err, <-sent)
	}()
	for i := range o.rounds + warmups {
		var mine, other time.Duration
		runs := []func() error{
			func() (err error) { mine, err = first(ctx, r.ours, ours, pcapngTime); return err },
			func() (err error) { other, err = first(ctx, r.theirs, theirs, pcapTime); return err },
		}
		if i%2 == 1 { // who comes second finds the memory of the first
			slices.Reverse(runs)
		}
		for _, run := range runs {
			if err := run(); err != nil {
				return r, err
			}
		}
		if i >= warmups {
			r.mine, r.other = append(r.mine, mine), append(r.other, other)
		}
	}
	slices.Sort(r.mine)
	slices.Sort(r.other)
	return r, nil
}

// first runs a program that captures a packet into a file, and returns how long it took to begin.
func first(ctx context.Context, args []string, file string, at func(string) (time.Time, error)) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w: %s", args, err, out)
	}
	t, err := at(file)
	return t.Sub(begin.Round(0)), err // the packets' clock is not the monotonic one
}

func pcapngTime(name string) (time.Time, error) {
	f, err := os.Open(name)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	p, err := pcapng.NewReader(f).Next()
	return time.Unix(0, int64(p.Time)), err
}

// pcapTime is the time of a pcap file's first packet, in host byte order and microseconds.
func pcapTime(name string) (time.Time, error) {
	const fileHeader = 24
	b, err := os.ReadFile(name)
	if err == nil && len(b) < fileHeader+16 {
		err = errors.New("no packet")
	}
	if err != nil {
		return time.Time{}, err
	}
	record := b[fileHeader:]
	return time.Unix(int64(binary.NativeEndian.Uint32(record)), int64(binary.NativeEndian.Uint32(record[4:]))*1000), nil
}
