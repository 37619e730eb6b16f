package process

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"dlx/internal/linux"
	"dlx/internal/printable"
)

// maxFile is how much of a file in /proc is read, in bytes.
const maxFile = 1 << 16

func readFile(dir *linux.FD, name string) (string, error) {
	fd, err := linux.OpenAt(dir, name)
	if err != nil {
		return "", err
	}
	f := fd.File(name)
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(data), err
}

// describe reads a process's name and numbers from its /proc directory, for a thread its process's.
func describe(proc, dir *linux.FD, pid int) (*Process, error) {
	p, err := parseStatus(dir)
	if err != nil || int(p.PID) == pid {
		return p, err
	}
	leader, err := linux.OpenPathAt(proc, strconv.Itoa(int(p.PID)))
	if err != nil {
		return nil, err
	}
	defer leader.Close()
	return parseStatus(leader)
}

func parseStatus(dir *linux.FD) (*Process, error) {
	status, err := readFile(dir, "status")
	if err != nil {
		return nil, err
	}
	p := &Process{}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":\t")
		switch key {
		case "Name":
			p.Command = command(value)
		case "Tgid":
			p.PID = number(value)
		case "NStgid": // one for each pid namespace, the innermost last (proc(5))
			p.Inner = number(value[strings.LastIndexByte(value, '\t')+1:])
		}
	}
	if p.PID == 0 || p.Inner == 0 || p.Command == "" {
		return nil, errNoStatus
	}
	return p, nil
}

var errNoStatus = errors.New("a process's status has no name or number")

// number is a process's, 0 if it is none.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// command is a process's name as status has it. The kernel escapes only line feeds and backslashes.
func command(name string) string {
	name = strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(name)
	if name == "" {
		return "?"
	}
	return printable.Escape(name)
}
