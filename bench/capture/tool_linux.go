package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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
	name string
	args []string // without the file, which comes last
	on   string   // what it says when it captures
}

// tools are the programs, with a ring of 32 MiB each, on c0.
func (b *bench) tools() map[string]tool {
	pid := strconv.Itoa(b.ns.cmd.Process.Pid)
	enter := []string{"nsenter", "-t", pid, "-n"}
	return map[string]tool{
		"dlx":     {"dlx", []string{b.dlx, "capture", "pid://" + pid, "-i", "c0", "-B", "32768", "-w"}, "capturing in"},
		"plain":   {"plain", []string{b.dlx, "capture", "pid://" + pid, "-i", "c0", "-B", "32768", "--no-process", "-w"}, "capturing in"},
		"tcpdump": {"tcpdump", append(enter, "tcpdump", "-Z", "root", "-i", "c0", "-n", "-B", "32768", "-w"), "listening on"},
		"dumpcap": {"dumpcap", append(enter, "dumpcap", "-q", "-i", "c0", "-B", "32", "-w"), "File:"},
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
	r.before, err = cpuTime(r.cmd.Process.Pid)
	return err
}

// cpuTime is what all threads of a process have used so far (/proc/PID/task/TID/schedstat).
func cpuTime(pid int) (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

var (
	capturedLine = regexp.MustCompile(`(\d+) packets captured`)
	dumpcapLine  = regexp.MustCompile(`received/dropped on interface .*: (\d+)/`)
)

// stop ends a tool as Ctrl-C does.
func (r *running) stop() (result, error) {
	peak, err := peakMemory(r.cmd.Process.Pid)
	err = errors.Join(err, r.cmd.Process.Signal(syscall.SIGINT), r.cmd.Wait())
	if err != nil {
		return result{}, fmt.Errorf("%s: %w: %s", r.name, err, r.stderr.String())
	}
	s := r.cmd.ProcessState
	res := result{cpu: s.UserTime() + s.SystemTime() - r.before, peak: peak}
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

// peakMemory is the most that a process has had in memory, in KiB (VmHWM in proc_pid_status(5)).
func peakMemory(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, errors.New("no VmHWM in /proc/PID/status")
}
