package applet

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// ps is one run of the applet: ps(1) of procps in its UNIX form (ps -ef), its BSD form (ps aux) and
// with long options. Without a selection it lists all processes: who looks into a container means
// its processes, and not his own terminal's.
type ps struct {
	format                        []psColumn
	style                         string
	pids, parents, sids           []string
	users, names, ttys            []string
	sort                          []string
	threads, forest, negate, wide bool
	noHeader, bsd                 bool
	running, followers            bool // r and -d
	columnLimit                   int  // of --columns; 0: the terminal's
	table                         psTable
}

const psOptionsText = `      aux, axf, axjf, axo FORMAT      the BSD form
  -e, -A, a, x, g                 make no difference: without a selection all processes are listed
  -d                              all but leaders of sessions
      r                           those that run
  -p PID, -C NAME, -u USER, -U USER, -t TTY, -s SESSION, -g SESSION, --ppid PID, --pid, --user, --tty, --sid
                                  the processes that are named; commas stand between several
  -N, --deselect                  the others
  -f, -F, -l, -j, u, v            more columns
  -o, --format COLUMN[=HEADER],...  these columns
  -L, -T, H                       threads, each in a line
  -H, f, --forest                 children below their parents
  -k, --sort [-]COLUMN,...        in this order
  -w, --cols, --columns, --width N  do not cut lines; cut them after N columns
  h, --no-headers                 no header
  -V                              the version
      --rows, --lines N           make no difference: the header is printed once
`

func runPs(args []string) error {
	p := &ps{}
	p.table.system = readSystem()
	p.table.users, p.table.groups = readAccounts("/etc/passwd"), readAccounts("/etc/group")
	if err := p.parse(args); err != nil {
		if exit, ok := errors.AsType[*exitError](err); ok {
			return exit
		}
		if errors.Is(err, errHelp) {
			return err
		}
		return fail(1, "%w", err)
	}
	list, err := processes(p.threads)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(x *process) bool { return p.selects(x) == p.negate })
	if err := p.arrange(list); err != nil {
		return fail(1, "%w", err)
	}
	if p.forest {
		list = p.plant(list)
	}
	p.print(list)
	if len(list) == 0 {
		return &exitError{code: 1}
	}
	return nil
}

func (p *ps) selects(x *process) bool {
	none := true
	match := func(values []string, f func(string) bool) bool {
		none = none && values == nil
		return slices.ContainsFunc(values, f)
	}
	is := func(n int) func(string) bool { return func(s string) bool { return s == strconv.Itoa(n) } }
	found := match(p.pids, is(x.pid))
	found = match(p.parents, is(x.ppid)) || found
	found = match(p.sids, is(x.session)) || found
	found = match(p.names, func(s string) bool { return s == x.comm }) || found
	found = match(p.ttys, func(s string) bool { return strings.TrimPrefix(s, "/dev/") == x.tty() }) || found
	found = match(p.users, func(s string) bool {
		id, ok := p.table.users.id(s)
		return ok && id == x.uid
	}) || found
	return (found || none) && (!p.running || x.state == "R" || x.state == "D") && (!p.followers || x.session != x.pid)
}

// arrange sorts by --sort: COLUMN, +COLUMN, -COLUMN.
func (p *ps) arrange(list []*process) error {
	for _, key := range slices.Backward(p.sort) {
		name := strings.TrimLeft(key, "+-")
		c, ok := psColumnOf(name)
		if !ok {
			return fmt.Errorf("error: unknown sort specifier %q", name)
		}
		slices.SortStableFunc(list, func(a, b *process) int {
			var order int
			if c.order != nil {
				order = cmp.Compare(c.order(&p.table, a), c.order(&p.table, b))
			} else if x, y := c.value(&p.table, a), c.value(&p.table, b); strings.Trim(x+y, "0123456789") == "" {
				order = cmp.Compare(number(x, 10), number(y, 10))
			} else {
				order = cmp.Compare(x, y)
			}
			if strings.HasPrefix(key, "-") {
				return -order
			}
			return order
		})
	}
	return nil
}

// plant puts children below their parents, and what shows it before their commands.
func (p *ps) plant(list []*process) []*process {
	here, below := map[int]bool{}, map[int][]*process{}
	for _, x := range list {
		here[x.pid] = true
	}
	for _, x := range list {
		parent := x.ppid
		if !here[parent] || parent == x.pid {
			parent = 0
		}
		below[parent] = append(below[parent], x)
	}
	p.table.depth = map[int]string{}
	var order []*process
	var walk func(parent int, mark string)
	walk = func(parent int, mark string) {
		children := below[parent]
		delete(below, parent) // a PID that came anew while /proc was read could close a circle
		for i, x := range children {
			next := mark + " |  "
			if i == len(children)-1 {
				next = mark + "    "
			}
			if parent == 0 {
				next = " "
			} else {
				p.table.depth[x.pid] = mark + `\_ `
			}
			order = append(order, x)
			walk(x.pid, next)
		}
	}
	walk(0, "")
	for _, parent := range slices.Sorted(maps.Keys(below)) {
		walk(parent, "")
	}
	return order
}

func (p *ps) print(list []*process) {
	rows := [][]string{{}}
	header := false
	for _, c := range p.format {
		rows[0] = append(rows[0], c.header)
		header = header || c.header != ""
	}
	if p.noHeader || !header {
		rows = nil
	}
	for _, x := range list {
		var row []string
		for _, c := range p.format {
			row = append(row, c.value(&p.table, x))
		}
		rows = append(rows, row)
	}
	limit := p.columnLimit
	if columns, _, err := term.GetSize(1); err == nil && limit == 0 && !p.wide && columns > 0 {
		limit = columns
	}
	printRows(p.format, rows, limit)
}

// printRows lines the columns up. It cuts only the last, and only where a terminal would.
func printRows(format []psColumn, rows [][]string, limit int) {
	width := make([]int, len(format))
	for i, c := range format {
		width[i] = max(c.width, len(c.header))
		for _, r := range rows {
			width[i] = max(width[i], len(r[i]))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			switch {
			case i == len(r)-1 && format[i].left:
				b.WriteString(cell)
			case format[i].left:
				fmt.Fprintf(&b, "%-*s ", width[i], cell)
			default:
				fmt.Fprintf(&b, "%*s ", width[i], cell)
			}
		}
		line := []rune(strings.TrimRight(b.String(), " "))
		if limit > 0 && len(line) > limit {
			line = line[:limit]
		}
		fmt.Fprintln(os.Stdout, string(line))
	}
}
