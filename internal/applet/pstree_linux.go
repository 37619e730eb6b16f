package applet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// pstree is one run of the applet: the tree of processes, one a line (pstree(1) -A -p -a -u -s).
type pstree struct {
	pids, args, users, ascii, parents bool
	below                             map[int][]*process
	accounts                          accounts
}

func runPstree(args []string) error {
	t := &pstree{below: map[int][]*process{}, accounts: readAccounts("/etc/passwd")}
	rest, err := flags("pstree", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&t.pids, "show-pids", "p", false, "PIDs")
		f.BoolVarP(&t.args, "arguments", "a", false, "command lines")
		f.BoolVarP(&t.users, "uid-changes", "u", false, "users where they change")
		f.BoolVarP(&t.ascii, "ascii", "A", false, "lines of ASCII")
		f.BoolVarP(&t.parents, "show-parents", "s", false, "the parents of the process too")
		f.BoolP("hide-threads", "T", false, "makes no difference: threads are not shown")
		f.BoolP("long", "l", false, "makes no difference: lines are not cut")
		f.BoolP("compact-not", "c", false, "makes no difference: nothing is put together")
		f.BoolP("numeric-sort", "n", false, "makes no difference: the order is that of the PIDs")
	})
	if err != nil {
		return err
	}
	list, err := processes(false)
	if err != nil {
		return err
	}
	byPID := map[int]*process{}
	for _, p := range list {
		byPID[p.pid] = p
	}
	var roots []*process
	for _, p := range list {
		if byPID[p.ppid] == nil || p.ppid == p.pid {
			roots = append(roots, p)
		} else {
			t.below[p.ppid] = append(t.below[p.ppid], p)
		}
	}
	if len(rest) > 0 {
		if roots = t.chosen(list, rest[0]); len(roots) == 0 {
			return &exitError{code: 1}
		}
		if t.parents {
			roots = t.withParents(roots, byPID)
		}
	}
	for _, p := range roots {
		t.print(p, nil, "", "")
	}
	return nil
}

// withParents is the tree down to the chosen ones: of each parent, only the child on the way stays.
func (t *pstree) withParents(chosen []*process, byPID map[int]*process) (roots []*process) {
	for _, p := range chosen {
		way := map[*process]bool{p: true} // processes that come and go may seem to be each other's parents
		for parent := byPID[p.ppid]; parent != nil && !way[parent]; parent = byPID[p.ppid] {
			t.below[parent.pid] = []*process{p}
			p = parent
			way[p] = true
		}
		if !slices.Contains(roots, p) {
			roots = append(roots, p)
		}
	}
	return roots
}

// chosen are the process of a PID, or those of a user.
func (t *pstree) chosen(list []*process, text string) []*process {
	pid, err := strconv.Atoi(text)
	id, isUser := t.accounts.id(text)
	return slices.DeleteFunc(slices.Clone(list), func(p *process) bool {
		if err == nil {
			return p.pid != pid
		}
		return !isUser || p.uid != id
	})
}

func (t *pstree) print(p, parent *process, first, mark string) {
	name := printable.Escape(p.comm)
	if t.args {
		name = p.commandLine()
	}
	var details []string
	if t.pids && !t.args {
		details = append(details, strconv.Itoa(p.pid))
	}
	if t.users && parent != nil && parent.uid != p.uid {
		details = append(details, t.accounts.name(p.uid))
	}
	if t.pids && t.args {
		name = strings.Replace(name+" ", " ", fmt.Sprintf(",%d ", p.pid), 1)
	}
	if details != nil {
		name += "(" + strings.Join(details, ",") + ")"
	}
	fmt.Println(first + strings.TrimRight(name, " "))
	branch, end, line := "├─", "└─", "│ "
	if t.ascii {
		branch, end, line = "|-", "`-", "| "
	}
	children := t.below[p.pid]
	delete(t.below, p.pid) // a PID that came anew while /proc was read could close a circle
	for i, c := range children {
		if i == len(children)-1 {
			t.print(c, p, mark+"  "+end, mark+"    ")
		} else {
			t.print(c, p, mark+"  "+branch, mark+"  "+line)
		}
	}
}
