package applet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// lsof is one run of the applet: lsof(8) with -i -p -c -u -U -t -a -s +D +L and files.
type lsof struct {
	internet, states, files []string
	pids, commands, users   []string
	unix, terse, and        bool
	socks                   map[uint64]*sock
	accounts                accounts
	filters                 []func(*openFile) bool
	selectors               []func(*process) bool
	under, in               []string // directories: all below, and what lies in them
	links                   uint64   // +L1: files with fewer names than that; 0 without it
}

// openFile is a line of lsof.
type openFile struct {
	p                            *process
	fd, kind, device, size, node string
	name, path                   string
	links                        uint64 // names of a regular file
	socket                       *sock
}

func runLsof(args []string) error {
	l := &lsof{accounts: readAccounts("/etc/passwd")}
	args = internetFlags(args)
	var numbers bool
	files, err := flags("lsof", args, func(f *pflag.FlagSet) {
		f.StringArrayVarP(&l.internet, "internet", "i", nil, "internet sockets: [4|6][tcp|udp][@HOST][:PORT]")
		f.StringArrayVarP(&l.states, "state", "s", nil, "states of sockets, TCP:LISTEN")
		f.StringSliceVarP(&l.pids, "pid", "p", nil, "of these processes")
		f.StringSliceVarP(&l.commands, "command", "c", nil, "of commands that begin so")
		f.StringSliceVarP(&l.users, "user", "u", nil, "of these users")
		f.BoolVarP(&l.unix, "unix", "U", false, "unix sockets")
		f.BoolVarP(&l.terse, "terse", "t", false, "PIDs alone")
		f.BoolVarP(&l.and, "and", "a", false, "all conditions and not any")
		f.BoolVarP(&numbers, "numeric-users", "l", false, "numbers of users, not their names")
		f.BoolP("numeric-hosts", "n", true, "makes no difference: hosts are always numbers")
		f.BoolP("numeric-ports", "P", true, "makes no difference: ports are always numbers")
		f.BoolP("no-warnings", "w", true, "makes no difference: there are no warnings")
	})
	if err != nil {
		return err
	}
	if err := l.takeFiles(files); err != nil {
		return err
	}
	if err := l.prepare(); err != nil {
		return err
	}
	if numbers {
		l.accounts = accounts{}
	}
	return l.list()
}

// takeFiles takes what is no flag: files, and the options that begin with a plus sign.
func (l *lsof) takeFiles(words []string) error {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch number, ok := strings.CutPrefix(word, "+L"); {
		case ok:
			n, err := strconv.ParseUint(number, 10, 31)
			if err != nil || n == 0 {
				return refuse(word)
			}
			l.links = n
		case (word == "+D" || word == "+d") && i+1 < len(words):
			i++
			if word == "+D" {
				l.under = append(l.under, words[i])
			} else {
				l.in = append(l.in, words[i])
			}
		case strings.HasPrefix(word, "+"):
			return refuse(word)
		default:
			l.files = append(l.files, word)
		}
	}
	return nil
}

// internetFlags gives -i a value. It is optional and may be the next word:
// -nPiTCP becomes -nP --internet=TCP.
func internetFlags(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		at := strings.IndexByte(a, 'i')
		if at < 1 || a[0] != '-' || strings.Trim(a[1:at], "nPlwaUt") != "" {
			out = append(out, a)
			continue
		}
		if at > 1 {
			out = append(out, a[:at])
		}
		value := a[at+1:]
		if value == "" && i+1 < len(args) && isInternet(args[i+1]) {
			i++
			value = args[i]
		}
		out = append(out, "--internet="+value)
	}
	return out
}

func isInternet(s string) bool {
	return strings.ContainsAny(s, ":@") && !strings.HasPrefix(s, "/") || slices.Contains([]string{"4", "6", "tcp", "udp", "TCP", "UDP", "4tcp", "6tcp", "4TCP", "6TCP"}, s)
}

func (l *lsof) prepare() error {
	l.socks = map[uint64]*sock{}
	unix, _ := readUnix()
	for _, k := range unix {
		l.socks[k.inode] = &k
	}
	for _, t := range sockTables {
		list, err := t.read()
		if err != nil {
			return err
		}
		for _, k := range list {
			l.socks[k.inode] = &k
		}
	}
	for _, text := range l.internet {
		match, err := internetMatch(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		l.filters = append(l.filters, func(f *openFile) bool { return f.socket != nil && match(f.socket) && l.inState(f.socket) })
	}
	if l.links > 0 {
		l.filters = append(l.filters, func(f *openFile) bool { return f.kind == "REG" && f.links < l.links })
	}
	if l.unix {
		l.filters = append(l.filters, func(f *openFile) bool { return f.kind == "unix" })
	}
	for _, file := range l.files {
		want, err := os.Stat(file)
		if err != nil {
			return fail(1, "status error on %w", err)
		}
		l.filters = append(l.filters, func(f *openFile) bool {
			have, err := os.Stat(f.path)
			return f.path != "" && err == nil && os.SameFile(want, have)
		})
	}
	for _, dir := range l.under {
		dir = filepath.Clean(dir)
		l.filters = append(l.filters, func(f *openFile) bool {
			return f.name == dir || strings.HasPrefix(f.name, strings.TrimSuffix(dir, "/")+"/")
		})
	}
	for _, dir := range l.in {
		dir = filepath.Clean(dir)
		l.filters = append(l.filters, func(f *openFile) bool { return f.name == dir || filepath.Dir(f.name) == dir })
	}
	if l.pids != nil {
		l.selectors = append(l.selectors, func(p *process) bool { return slices.Contains(l.pids, strconv.Itoa(p.pid)) })
	}
	if l.commands != nil {
		l.selectors = append(l.selectors, func(p *process) bool {
			return slices.ContainsFunc(l.commands, func(c string) bool { return strings.HasPrefix(p.comm, c) })
		})
	}
	if l.users != nil {
		l.selectors = append(l.selectors, func(p *process) bool {
			return slices.ContainsFunc(l.users, func(u string) bool {
				id, ok := l.accounts.id(strings.TrimPrefix(u, "^"))
				return ok && (id == p.uid) != strings.HasPrefix(u, "^")
			})
		})
	}
	return nil
}

// internetMatch reads [4|6][tcp|udp][@HOST][:PORT[,PORT][-PORT]].
func internetMatch(text string) (func(*sock) bool, error) {
	text, v4 := strings.CutPrefix(text, "4")
	text, v6 := strings.CutPrefix(text, "6")
	proto := ""
	if len(text) >= 3 && (strings.EqualFold(text[:3], "tcp") || strings.EqualFold(text[:3], "udp")) {
		proto, text = strings.ToLower(text[:3]), text[3:]
	}
	host, ports, _ := strings.Cut(text, ":")
	host = strings.TrimPrefix(host, "@")
	prefixes, err := hostPrefixes(host)
	if err != nil {
		return nil, fail(1, "%w", err)
	}
	ranges, err := portRanges(ports)
	if err != nil {
		return nil, fail(1, "%w", err)
	}
	return func(k *sock) bool {
		if strings.HasPrefix(k.netid, "u_") || proto != "" && k.netid != proto || v4 && k.v6 || v6 && !k.v6 {
			return false
		}
		for _, local := range []bool{true, false} {
			end := k.end(local)
			in := ranges == nil || slices.ContainsFunc(ranges, func(r [2]uint16) bool { return end.Port() >= r[0] && end.Port() <= r[1] })
			for _, p := range prefixes {
				if in && p.Contains(end.Addr().Unmap()) {
					return true
				}
			}
			if in && host == "" {
				return true
			}
		}
		return false
	}, nil
}

func portRanges(text string) (ranges [][2]uint16, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		low, high, isRange := strings.Cut(part, "-")
		var r [2]uint16
		if r[0], err = parsePort(low); err != nil {
			return nil, err
		}
		r[1] = r[0]
		if isRange {
			if r[1], err = parsePort(high); err != nil {
				return nil, err
			}
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

// lsofStates are the words that lsof has for states of ss.
var lsofStates = map[string]string{"ESTAB": "ESTABLISHED", "UNCONN": "CLOSED"}

func lsofState(k *sock) string {
	name := strings.ReplaceAll(k.state.String(), "-", "_")
	if long := lsofStates[name]; long != "" {
		name = long
	}
	return strings.NewReplacer("WAIT_1", "WAIT1", "WAIT_2", "WAIT2").Replace(name)
}

func (l *lsof) inState(k *sock) bool {
	for _, s := range l.states {
		proto, states, ok := strings.Cut(strings.ToUpper(s), ":")
		if ok && strings.EqualFold(proto, k.netid) && !slices.Contains(strings.Split(states, ","), lsofState(k)) {
			return false
		}
	}
	return true
}

func (l *lsof) list() error {
	all, err := processes(false)
	if err != nil {
		return err
	}
	rows := [][]string{{"COMMAND", "PID", "USER", "FD", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"}}
	var pids []string
	for _, p := range all {
		before := len(rows)
		for _, f := range l.open(p) {
			if l.wanted(f) {
				command := printable.Escape(p.comm)
				rows = append(rows, []string{command[:min(len(command), 9)], strconv.Itoa(p.pid), l.accounts.name(p.uid), f.fd, f.kind, f.device, f.size, f.node, printable.Escape(f.name)})
			}
		}
		if len(rows) > before {
			pids = append(pids, strconv.Itoa(p.pid))
		}
	}
	switch {
	case len(pids) == 0:
		return &exitError{code: 1}
	case l.terse:
		fmt.Println(strings.Join(pids, "\n"))
	default:
		var format []psColumn
		for _, name := range rows[0] {
			format = append(format, psColumn{header: name, left: name == "COMMAND" || name == "FD" || name == "NAME"})
		}
		printRows(format, rows, 0)
	}
	return nil
}

// wanted joins all conditions by or. With -a, those
// on processes and those on files are joined by and.
func (l *lsof) wanted(f *openFile) bool {
	process := slices.ContainsFunc(l.selectors, func(s func(*process) bool) bool { return s(f.p) })
	file := slices.ContainsFunc(l.filters, func(s func(*openFile) bool) bool { return s(f) })
	switch {
	case l.selectors == nil && l.filters == nil:
		return true
	case l.and && l.selectors != nil && l.filters != nil:
		return process && file
	}
	return process || file
}
