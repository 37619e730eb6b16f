package main

import (
	"context"
	"dlx/bench/daemon"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func interfaceIndex(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return i.Index, nil
}

// tool is a program that captures.
type tool struct {
	name   string
	args   []string // without the file, which comes last
	on     string   // what it says when it captures
	helper int      // a process that works for it, if not 0
}

// tools are the programs, with a ring of 32 MiB each, on c0.
func (b *bench) tools() map[string]tool {
	pid := strconv.Itoa(b.ns.cmd.Process.Pid)
	enter := []string{"nsenter", "-t", pid, "-n"}
	return map[string]tool{
		"dlx":     {"dlx", []string{b.dlx, "capture", "pid://" + pid, "-i", "c0", "-B", "32768", "-w"}, "capturing in", 0},
		"plain":   {"plain", []string{b.dlx, "capture", "pid://" + pid, "-i", "c0", "-B", "32768", "--no-process", "-w"}, "capturing in", 0},
		"tcpdump": {"tcpdump", append(enter, "tcpdump", "-Z", "root", "-i", "c0", "-n", "-B", "32768", "-w"), "listening on", 0},
		"agent":   {"agent", []string{b.dlx, "--agent", b.agent.Address, "capture", "pid://" + pid, "-i", "c0", "-B", "32768", "-w"}, "capturing in", b.agent.PID()},
		"dumpcap": {"dumpcap", append(enter, "dumpcap", "-q", "-i", "c0", "-B", "32", "-w"), "File:", 0},
	}
}

// running is a tool at work.
type running struct {
	tool
	cmd    *exec.Cmd
	stderr output
	file   string
	began  time.Time
	before time.Duration // CPU time when the traffic began
}

// output is what a tool has said so far.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// result is what a run took.
type result struct {
	cpu      time.Duration // user and system, from when the traffic began to the end of the process
	captured int
	peak     int // KiB of memory, its highest
}

const startLimit = 20 * time.Second

// start starts a tool and waits until it says that it captures.
func (b *bench) start(ctx context.Context, t tool) (*running, error) {
	r := &running{tool: t, file: filepath.Join(b.dir, t.name), began: time.Now()}
	r.cmd = exec.CommandContext(ctx, t.args[0], append(t.args[1:len(t.args):len(t.args)], r.file)...)
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(startLimit); !strings.Contains(r.stderr.String(), t.on); <-tick.C {
		if time.Now().After(until) {
			err := fmt.Errorf("%s does not begin: %s", t.name, r.stderr.String())
			return nil, errors.Join(err, r.cmd.Process.Kill(), r.cmd.Wait())
		}
	}
	return r, nil
}

// mark notes the CPU time that it took to start.
func (r *running) mark() (err error) {
	r.before, err = r.cpuTime()
	return err
}

// cpuTime is what the tool, and who works for it, have used so far.
func (r *running) cpuTime() (time.Duration, error) {
	own, err := daemon.CPUTime(r.cmd.Process.Pid)
	helped, herr := r.helperTime()
	return own + helped, errors.Join(err, herr)
}

// helperTime is that of who works for it. Threads of it that have ended only opened something.
func (r *running) helperTime() (time.Duration, error) {
	if r.helper == 0 {
		return 0, nil
	}
	return daemon.CPUTime(r.helper)
}

var (
	capturedLine = regexp.MustCompile(`(\d+) packets captured`)
	dumpcapLine  = regexp.MustCompile(`received/dropped on interface .*: (\d+)/`)
)

// stop ends a tool as Ctrl-C does.
func (r *running) stop() (result, error) {
	peak, err := daemon.Memory(r.cmd.Process.Pid, "VmHWM")
	err = errors.Join(err, r.cmd.Process.Signal(syscall.SIGINT), r.cmd.Wait())
	if err != nil {
		return result{}, fmt.Errorf("%s: %w: %s", r.name, err, r.stderr.String())
	}
	s := r.cmd.ProcessState
	helped, err := r.helperTime()
	if err != nil {
		return result{}, err
	}
	res := result{cpu: s.UserTime() + s.SystemTime() + helped - r.before, peak: peak}
	found := capturedLine.FindStringSubmatch(r.stderr.String())
	if r.name == "dumpcap" {
		found = dumpcapLine.FindStringSubmatch(r.stderr.String())
	}
	if found == nil {
		return result{}, fmt.Errorf("%s gave no figures: %s", r.name, r.stderr.String())
	}
	res.captured, err = strconv.Atoi(found[1])
	return res, err
}
