package applet

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// processMatch is what pgrep and pkill choose by.
type processMatch struct {
	full, exact, ignore, invert, newest, oldest bool
	users, parents, sessions, states            []string
	pattern                                     *regexp.Regexp
	accounts                                    accounts
}

func (m *processMatch) define(f *pflag.FlagSet) {
	f.BoolVarP(&m.full, "full", "f", false, "match the whole command line")
	f.BoolVarP(&m.exact, "exact", "x", false, "match all of it")
	f.BoolVarP(&m.ignore, "ignore-case", "i", false, "upper and lower case alike")
	f.BoolVarP(&m.invert, "inverse", "v", false, "those that do not match")
	f.BoolVarP(&m.newest, "newest", "n", false, "the one that started last")
	f.BoolVarP(&m.oldest, "oldest", "o", false, "the one that started first")
	f.StringSliceVarP(&m.users, "euid", "u", nil, "of these users")
	f.StringSliceVarP(&m.users, "uid", "U", nil, "the same")
	f.StringSliceVarP(&m.parents, "parent", "P", nil, "children of these")
	f.StringSliceVarP(&m.sessions, "session", "s", nil, "of these sessions")
	f.StringSliceVarP(&m.states, "runstates", "r", nil, "in these states")
}

// find lists the processes that match. This one is left out and, as in pgrep, the name that -f
// finds in its own arguments.
func (m *processMatch) find(rest []string) ([]*process, error) {
	chosen := m.users != nil || m.parents != nil || m.sessions != nil || m.states != nil
	if len(rest) > 1 || len(rest) == 0 && !chosen {
		return nil, fail(exitUsage, "takes one pattern")
	}
	if len(rest) == 1 {
		expr := rest[0]
		if m.exact {
			expr = "^(?:" + expr + ")$"
		}
		if m.ignore {
			expr = "(?i)" + expr
		}
		var err error
		if m.pattern, err = regexp.Compile(expr); err != nil {
			return nil, fail(exitUsage, "%w", err)
		}
	}
	m.accounts = readAccounts("/etc/passwd")
	list, err := processes(false)
	if err != nil {
		return nil, fail(3, "%w", err)
	}
	self := os.Getpid()
	list = slices.DeleteFunc(list, func(p *process) bool { return p.pid == self || m.matches(p) == m.invert })
	if len(list) > 0 && (m.newest || m.oldest) {
		slices.SortStableFunc(list, func(a, b *process) int { return int(a.start) - int(b.start) }) // ticks since the start
		if m.newest {
			list = list[len(list)-1:]
		}
		list = list[:1]
	}
	return list, nil
}

func (m *processMatch) matches(p *process) bool {
	is := func(n int) func(string) bool { return func(s string) bool { return s == strconv.Itoa(n) } }
	user := func(s string) bool {
		id, ok := m.accounts.id(s)
		return ok && id == p.uid
	}
	for _, c := range []struct {
		values []string
		f      func(string) bool
	}{{m.users, user}, {m.parents, is(p.ppid)}, {m.sessions, is(p.session)}, {m.states, func(s string) bool { return s == p.state }}} {
		if c.values != nil && !slices.ContainsFunc(c.values, c.f) {
			return false
		}
	}
	if m.pattern == nil {
		return true
	}
	text := p.comm
	if m.full && p.args != nil {
		text = strings.Join(p.args, " ")
	}
	return m.pattern.MatchString(text)
}

func runPgrep(args []string) error {
	m := &processMatch{}
	var name, all, count bool
	delimiter := "\n"
	rest, err := flags("pgrep", args, func(f *pflag.FlagSet) {
		m.define(f)
		f.BoolVarP(&name, "list-name", "l", false, "the names too")
		f.BoolVarP(&all, "list-full", "a", false, "the command lines too")
		f.BoolVarP(&count, "count", "c", false, "their number alone")
		f.StringVarP(&delimiter, "delimiter", "d", delimiter, "what stands between them")
	})
	if err != nil {
		return err
	}
	list, err := m.find(rest)
	if err != nil {
		return err
	}
	lines := make([]string, len(list))
	for i, p := range list {
		lines[i] = strconv.Itoa(p.pid)
		switch {
		case all:
			lines[i] += " " + p.commandLine()
		case name:
			lines[i] += " " + p.comm
		}
	}
	switch {
	case count:
		fmt.Println(len(list))
	case len(list) > 0:
		fmt.Println(strings.Join(lines, delimiter))
	}
	if len(list) == 0 {
		return &exitError{code: 1}
	}
	return nil
}

func runPkill(args []string) error {
	m := &processMatch{}
	signal := "TERM"
	for i, a := range args {
		if s := strings.TrimPrefix(a, "-"); s != a && signalNumber(s) != 0 || a == "-0" {
			signal, args = s, slices.Delete(slices.Clone(args), i, i+1)
			break
		}
	}
	var echo bool
	rest, err := flags("pkill", args, func(f *pflag.FlagSet) {
		m.define(f)
		f.StringVar(&signal, "signal", signal, "signal, by name or number; or -SIGNAL")
		f.BoolVarP(&echo, "echo", "e", false, "tell what is signalled")
	})
	if err != nil {
		return err
	}
	number := signalNumber(signal)
	if number == 0 && signal != "0" {
		return fail(exitUsage, "unknown signal %s", signal)
	}
	list, err := m.find(rest)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range list {
		if kerr := syscall.Kill(p.pid, number); kerr != nil {
			errs = append(errs, fmt.Errorf("killing pid %d failed: %w", p.pid, kerr))
		} else if echo {
			fmt.Printf("%s killed (pid %d)\n", p.comm, p.pid)
		}
	}
	if len(list) == 0 {
		return &exitError{code: 1}
	}
	return errors.Join(errs...)
}

// signalNames are those of signal(7), in the order that x86 and ARM have.
var signalNames = strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP
	TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`)

// signalNumber reads 9, KILL or SIGKILL; 0 is none.
func signalNumber(s string) syscall.Signal {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 64 {
		return syscall.Signal(n)
	}
	return syscall.Signal(slices.Index(signalNames, strings.TrimPrefix(strings.ToUpper(s), "SIG")) + 1)
}

// runPwdx prints the working directories of processes.
func runPwdx(args []string) error {
	args, err := flags("pwdx", args, nil)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return fail(exitUsage, "takes process IDs")
	}
	var errs []error
	for _, pid := range args {
		dir, err := os.Readlink("/proc/" + pid + "/cwd")
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", pid, innermost(err)))
			continue
		}
		fmt.Printf("%s: %s\n", pid, dir)
	}
	return errors.Join(errs...)
}
