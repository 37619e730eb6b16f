package applet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
)

// ProgramName is the multi-call program's own name.
const ProgramName = "dlx-tools"

// command is one applet. args are its arguments without the name.
type command func(args []string) error

// applets is a function and not a variable, so that a program which links them pays for none at its start.
func applets() map[string]command {
	return map[string]command{
		"basename": runBasename, "cat": runCat, "column": runColumn, "comm": runComm, "curl": runCurl, "date": runDate, "dig": runDig,
		"dirname": runDirname, "du": runDu, "echo": runEcho, "env": runEnv, "false": runFalse, "file": runFile, "fuser": runFuser,
		"getent": runGetent, "grep": runGrep, "head": runHead, "host": runHost, "hostname": runHostname, "id": runID, "ip": runIP,
		"jq": runJq, "kill": runKill, "ls": runLs, "lsof": runLsof, "mkdir": runMkdir, "nc": runNc, "netstat": runNetstat,
		"openssl": runOpenssl, "pgrep": runPgrep, "ping": runPing, "pkill": runPkill, "printenv": runPrintenv, "ps": runPs,
		"pstree": runPstree, "pwd": runPwd, "pwdx": runPwdx, "readlink": runReadlink, "rm": runRm, "sh": runSh, "sleep": runSleep,
		"sort": runSort, "ss": runSs, "tail": runTail, "tcpdump": runTcpdump, "timeout": runTimeout, "tls": runTLS, "tree": runTree, "true": runTrue,
		"uname": runUname, "vmstat": runVmstat, "wc": runWc, "wget": runWget,
	}
}

// Better are the applets that replace busybox's of the same name, or that it does not have.
func Better() []string {
	return []string{
		"column", "comm", "curl", "date", "dig", "du", "file", "fuser", "getent", "grep", "host", "hostname", "ip", "jq", "lsof", "nc", "netstat",
		"openssl", "pgrep", "ping", "pkill", "printenv", "ps", "pstree", "pwdx", "sh", "sort", "ss", "tcpdump", "timeout", "tls", "tree", "vmstat", "wget",
	}
}

// Names lists the applets in order.
func Names() []string {
	var names []string
	for name := range applets() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// exitError ends an applet with a status of its own; a nil err prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// fail is an error with an exit status.
func fail(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// exitUsage is the status of a mistake in the arguments.
const exitUsage = 2

// errHelp ends an applet that was asked for its usage, which it has printed.
var errHelp = errors.New("help was asked for")

// Main runs the applet that args[0] names, or that args[1] does for dlx-tools itself, and returns its exit status.
func Main(args []string) int {
	name := filepath.Base(args[0])
	if name == ProgramName || !slices.Contains(Names(), name) {
		if len(args) < 2 || args[1] == "--list" {
			for _, n := range Names() {
				fmt.Println(n)
			}
			return 0
		}
		args = args[1:]
		name = args[0]
	}
	run, ok := applets()[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: no applet %q\n", ProgramName, name)
		return 127
	}
	if name == "sh" {
		shellPath = args[0]
	}
	return status(name, run(args[1:]))
}

// status prints an applet's error and turns it into an exit status.
func status(name string, err error) int {
	var exit *exitError
	switch {
	case err == nil, errors.Is(err, errHelp):
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}
