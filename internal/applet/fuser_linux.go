package applet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// runFuser prints the processes that have files, or ports such as 80/tcp, open.
func runFuser(args []string) error {
	var kill, mount bool
	names, err := flags("fuser", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&kill, "kill", "k", false, "kill them")
		f.BoolVarP(&mount, "mount", "m", false, "files below the directory")
	})
	if err != nil {
		return err
	}
	found := false
	for _, name := range names {
		l := &lsof{accounts: accounts{}}
		port, proto, isPort := strings.Cut(name, "/")
		if _, perr := parsePort(port); isPort && perr == nil && (proto == "tcp" || proto == "udp") {
			l.internet = []string{proto + ":" + port}
		} else if mount {
			l.under = []string{name}
		} else {
			l.files = []string{name}
		}
		if err := l.prepare(); err != nil {
			return err
		}
		pids, err := l.holders()
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			continue
		}
		found = true
		fmt.Fprintf(os.Stderr, "%s: ", name)
		for _, pid := range pids {
			fmt.Printf(" %5d", pid)
			if kill {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		fmt.Println()
	}
	if !found {
		return &exitError{code: 1}
	}
	return nil
}

func (l *lsof) holders() (pids []int, err error) {
	all, err := processes(false)
	for _, p := range all {
		if slices.ContainsFunc(l.open(p), l.wanted) {
			pids = append(pids, p.pid)
		}
	}
	return pids, err
}
