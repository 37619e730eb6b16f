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

// applet is one tool of this program.
type applet struct {
	run       func(args []string) error // without the name
	arguments string                    // what its usage names after the name
	options   string                    // those of an applet that reads its options itself: flags knows those of the others
}

// applets is a function, so that programs which link it pay nothing for the table at their start.
func applets() map[string]applet {
	const files = "[FLAG...] [FILE...]"
	return map[string]applet{
		"basename": {runBasename, "PATH [SUFFIX]", ""},
		"cat":      {runCat, files, ""},
		"column":   {runColumn, files, ""},
		"comm":     {runComm, "[FLAG...] FILE1 FILE2", ""},
		"curl":     {runCurl, "[FLAG...] URL...", ""},
		"date":     {runDate, "[FLAG...] [+FORMAT]", ""},
		"dig":      {runDig, "[@SERVER] [NAME] [TYPE] [CLASS] [OPTION...] [+OPTION...]", digOptionsText},
		"dirname":  {runDirname, "PATH", ""},
		"du":       {runDu, files, ""},
		"echo":     {run: runEcho},
		"env":      {runEnv, "[FLAG...] [NAME=VALUE...] [COMMAND [ARG...]]", ""},
		"false":    {run: runFalse},
		"file":     {runFile, "[FLAG...] FILE...", ""},
		"fuser":    {runFuser, "[FLAG...] FILE|PORT/tcp|PORT/udp...", ""},
		"getent":   {runGetent, "hosts|ahosts|ahostsv4|ahostsv6|passwd|group|services [KEY...]", ""},
		"grep":     {runGrep, "[FLAG...] PATTERN [FILE...]", ""},
		"head":     {runHead, files, ""},
		"help":     {func(args []string) error { return runTools("help", args) }, "[NAME|WORD]", ""},
		"host":     {runHost, "[FLAG...] NAME|ADDRESS [SERVER]", ""},
		"hostname": {runHostname, "[FLAG...] [NAME]", ""},
		"id":       {runID, "[FLAG...]", ""},
		"ip":       {runIP, "[OPTION...] OBJECT [COMMAND [ARG...]]", ipOptionsText},
		"kill":     {runKill, "[-SIGNAL] PID...", killOptionsText},
		"less":     {runLess, files, ""},
		"ls":       {runLs, files, ""},
		"lsof":     {runLsof, "[FLAG...] [+D DIR] [+L1] [FILE...]", ""},
		"mkdir":    {runMkdir, "[FLAG...] DIR...", ""},
		"nc":       {runNc, "[FLAG...] HOST PORT... | -l [ADDRESS] PORT | [-l] -U PATH", ""},
		"netstat":  {runNetstat, "[FLAG...]", ""},
		"pgrep":    {runPgrep, "[FLAG...] [PATTERN]", ""},
		"ping":     {runPing, "[FLAG...] HOST", ""},
		"pkill":    {runPkill, "[-SIGNAL] [FLAG...] [PATTERN]", ""},
		"printenv": {runPrintenv, "[NAME...]", ""},
		"ps":       {runPs, "[OPTION...]", psOptionsText},
		"pstree":   {runPstree, "[FLAG...] [PID|USER]", ""},
		"pwd":      {runPwd, "", ""},
		"pwdx":     {runPwdx, "PID...", ""},
		"readlink": {runReadlink, "LINK...", ""},
		"rm":       {runRm, files, ""},
		"sh":       {run: runSh, arguments: "[-c SCRIPT | FILE] [ARG...]"},
		"sleep":    {runSleep, "SECONDS", ""},
		"sort":     {runSort, files, ""},
		"ss":       {runSs, "[FLAG...] [state STATE] [EXPRESSION]", ""},
		"tail":     {runTail, files, ""},
		"tc":       {runTC, "[-s] qdisc [show|add|change|replace|del] [dev DEVICE] [root|ingress] [KIND [OPTION VALUE...]]", tcOptionsText},
		"tcpdump":  {runTcpdump, "[FLAG...] [EXPRESSION]", ""},
		"timeout":  {runTimeout, "[FLAG...] TIME COMMAND [ARG...]", ""},
		"tls":      {runTLS, "[FLAG...] HOST[:PORT] | --file FILE", ""},
		"tools":    {func(args []string) error { return runTools("tools", args) }, "[NAME|WORD]", ""},
		"tree":     {runTree, "[FLAG...] [DIR...]", ""},
		"true":     {run: runTrue},
		"uname":    {runUname, "[FLAG...]", ""},
		"vmstat":   {runVmstat, "[DELAY [COUNT]]", ""},
		"wc":       {runWc, files, ""},
		"wget":     {runWget, "[FLAG...] URL...", ""},
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

// Main runs the applet args[0] and returns its exit status. For dlx-tools it runs args[1].
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
	a, ok := applets()[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: no applet %q\n", ProgramName, name)
		return 127
	}
	if name == "sh" {
		shellPath = args[0]
	}
	if a.options != "" && answers(name, args[1:], a.options) {
		return 0
	}
	return status(name, a.run(args[1:]))
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
		if _, ok := errors.AsType[*unknownOptionError](err); ok {
			fmt.Fprintf(os.Stderr, "hint: %s\n", elsewhere(name))
		}
		return exit.code
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}
