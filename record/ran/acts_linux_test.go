package ran_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dlx/internal/cgroup"
	"dlx/internal/linux"
	"dlx/internal/pause"
)

// actEnv says what the test's own program does in a session, instead of the tests.
const actEnv = "DLX_RAN_ACT"

var acts map[string]func()

func init() {
	acts = map[string]func(){
		"nothing": func() {}, "daemon": daemon, "memfd": memfd, "threads": threads, "large": large, "flood": flood, "late": late, "orphan": orphan,
		"leave": leave,
	}
}

// self is the test's program, which does something else.
func self(act string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), actEnv+"="+act)
	return cmd
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// daemon leaves its session, process group and parent: its child ends at once, whose child goes on.
func daemon() {
	cmd := self("orphan")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(cmd.Run())
	for i := 0; ; i++ { // the orphan is done when it has removed the file
		if _, err := os.Stat(os.Getenv("DLX_RAN_FILE")); err != nil {
			return
		}
		must(pause.For(context.Background(), time.Millisecond))
	}
}

func orphan() {
	cmd := self("late", "orphaned")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	_, err := cmd.StdinPipe() // which closes with this process
	must(err)
	must(cmd.Start())
}

// late executes a program when its parent has ended.
func late() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	must(syscall.Exec("/bin/sh", []string{"sh", "-c", "rm $DLX_RAN_FILE"}, os.Environ()))
}

// memfd executes a file that has no name.
func memfd() {
	f, err := linux.SealedProgram("nameless", func(w io.Writer) error {
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			return err
		}
		_, err = io.Copy(w, self)
		return err
	})
	must(err)
	must(os.Setenv(actEnv, "nothing"))
	must(syscall.Exec("/proc/self/fd/"+strconv.Itoa(f.Int()), []string{"by-memfd"}, os.Environ()))
}

// threads has a thread execute that is not the process's first one, with others running.
func threads() {
	for range 8 {
		go func() {
			runtime.LockOSThread()
			select {}
		}()
	}
	done := make(chan struct{})
	must(os.Setenv(actEnv, "nothing"))
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() {
			go func() {
				runtime.LockOSThread()
				must(syscall.Exec("/proc/self/exe", []string{"by-thread"}, os.Environ()))
			}()
			select {}
		}
		must(syscall.Exec("/proc/self/exe", []string{"by-thread"}, os.Environ()))
	}()
	<-done
}

// large has 1 MiB of arguments, which say "tail" at their end.
func large() {
	args := []string{"large"}
	for range 10 {
		args = append(args, strings.Repeat("x", 100<<10))
	}
	must(os.Setenv(actEnv, "nothing"))
	must(syscall.Exec("/proc/self/exe", append(args, "tail"), os.Environ()))
}

// flood starts as many short programs as it is told.
func flood() {
	n, _ := strconv.Atoi(os.Args[len(os.Args)-1])
	room := make(chan struct{}, 8)
	for i := range n {
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			cmd := exec.Command("/bin/true", strconv.Itoa(i), strings.Repeat("y", 3000))
			must(cmd.Run())
		}()
	}
	for range cap(room) {
		room <- struct{}{}
	}
}

// script is one whose interpreter is a script's own.
func script(dir string) string {
	name := filepath.Join(dir, "script")
	must(os.WriteFile(name, []byte("#!/bin/sh -e\nexit 3\n"), 0o700))
	return name
}

// leave leaves the session's control groups, as a process with enough privileges can, and executes
// a program, whose child executes another one.
func leave() {
	for _, root := range cgroup.Roots() {
		must(os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0))
	}
	must(syscall.Exec("/bin/sh", []string{"by-who-left", "-c", "/bin/true; :"}, os.Environ()))
}
