// Watcher prints each state in which it saw another process of its pid namespace, one JSON object a
// line. It shows what a hostile container can see of a debugger that comes in.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// sighting is one state of a process. Lines are those of /proc/PID/status about privileges.
type sighting struct {
	PID    string            `json:"pid"`
	Args   string            `json:"args"`
	Status map[string]string `json:"status"`
	Cwd    string            `json:"cwd"`
	Exe    string            `json:"exe"`
	FDs    map[string]string `json:"fds"`
}

var wanted = []string{"Name", "Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Seccomp"}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	self := fmt.Sprint(os.Getpid())
	seen := map[string]bool{}
	out := json.NewEncoder(os.Stdout)
	fmt.Println(`{"ready":true}`)
	for {
		select {
		case <-end:
			return
		default:
		}
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			if pid := filepath.Base(dir); pid != self {
				report(out, seen, pid)
			}
		}
	}
}

func report(out *json.Encoder, seen map[string]bool, pid string) {
	s := look(pid)
	key, err := json.Marshal(s)
	if err != nil || len(s.Status) == 0 || seen[string(key)] {
		return
	}
	seen[string(key)] = true
	_ = out.Encode(s)
}

func look(pid string) sighting {
	s := sighting{PID: pid, Status: map[string]string{}, FDs: map[string]string{}}
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.SplitSeq(string(status), "\n") {
		key, value, _ := strings.Cut(line, ":")
		for _, w := range wanted {
			if key == w {
				s.Status[key] = strings.TrimSpace(value)
			}
		}
	}
	args, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	s.Args = strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " "))
	s.Cwd, _ = os.Readlink("/proc/" + pid + "/cwd")
	s.Exe, _ = os.Readlink("/proc/" + pid + "/exe")
	fds, _ := filepath.Glob("/proc/" + pid + "/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			s.FDs[filepath.Base(fd)] = to
		}
	}
	return s
}
