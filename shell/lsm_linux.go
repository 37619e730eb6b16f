package shell

import (
	"errors"
	"os"
	"strings"

	"dlx/nsutil"
)

// label is what a Linux security module says that a process may do.
type label struct {
	module string // "AppArmor", "SELinux", or "" without a label
	name   string
	exec   nsutil.OwnFile // what gives a program the label when it is executed
}

// Where the modules say that they are on.
const (
	apparmorEnabled = "/sys/module/apparmor/parameters/enabled"
	selinuxMount    = "/sys/fs/selinux"
)

// apparmorDir holds AppArmor's files where another module may own the ones above it (Linux 5.8).
const apparmorDir = "attr/apparmor/"

// labelLimit bounds a label; a page is what the kernel gives.
const labelLimit = 4096

// labelOf reads the label of a process. A session's program gets it when it is executed:
// apparmor(7), proc_pid_attr(5) on attr/exec.
func labelOf(p *nsutil.Process) (label, error) {
	switch LabelModule() {
	case moduleAppArmor:
		return apparmorLabel(p)
	case moduleSELinux:
		context, err := p.ReadFile("attr/current", labelLimit)
		name := strings.TrimRight(string(context), "\x00\n")
		return label{moduleSELinux, name, nsutil.OwnFile{Name: "attr/exec", Data: name}}, err
	}
	return label{}, nil
}

func apparmorLabel(p *nsutil.Process) (label, error) {
	dir := apparmorDir
	current, err := p.ReadFile(dir+"current", labelLimit)
	if errors.Is(err, os.ErrNotExist) && p.Alive() == nil {
		dir = "attr/"
		current, err = p.ReadFile(dir+"current", labelLimit)
	}
	if err != nil {
		return label{}, err
	}
	name := strings.TrimSpace(string(current))
	if i := strings.LastIndex(name, " ("); i > 0 && strings.HasSuffix(name, ")") {
		name = name[:i] // its mode, enforce or complain
	}
	l := label{module: moduleAppArmor, name: name}
	if name != "unconfined" {
		l.exec = nsutil.OwnFile{Name: dir + "exec", Data: "exec " + name}
	}
	return l, nil
}

func (l label) String() string {
	if l.module == "" {
		return ""
	}
	return l.module + " " + l.name
}
