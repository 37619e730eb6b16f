package attack_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	name, against   string
	tries, sessions int
	took            time.Duration
	broken          bool
}

func (r row) result() string {
	switch {
	case r.broken && r.tries+r.sessions == 0:
		return "not run"
	case r.broken:
		return "**BROKEN**"
	}
	return "held"
}

var table struct {
	sync.Mutex
	rows []row
}

func add(r row) {
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, r)
}

// Marks between which the table is written, in the file that DLX_ATTACK_TABLE names.
const (
	beginMark = "<!-- begin of the table that make attack writes -->\n"
	endMark   = "<!-- end of the table -->\n"
)

// writeTable prints the table, and puts it into the file that DLX_ATTACK_TABLE names.
func writeTable() error {
	if len(table.rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range table.rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.0f s\t%s\n", r.name, r.against, r.tries, r.sessions, r.took.Seconds(), r.result())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	file := os.Getenv("DLX_ATTACK_TABLE")
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("write the table of attacks: %w", err)
	}
	before, rest, begins := bytes.Cut(text, []byte(beginMark))
	_, after, ends := bytes.Cut(rest, []byte(endMark))
	if !begins || !ends {
		return fmt.Errorf("write the table of attacks: %s lacks its marks", file)
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(beginMark)
	form := "short"
	if long {
		form = "long"
	}
	fmt.Fprintf(&out, "%s, the %s form. %s\n\n", time.Now().UTC().Format("2006-01-02"), form, machine())
	out.WriteString("| Attack | On | Tries | Starts of dlx | Seconds | Result |\n| --- | --- | ---: | ---: | ---: | --- |\n")
	for _, r := range table.rows {
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %.0f | %s |\n", r.name, r.against, r.tries, r.sessions, r.took.Seconds(), r.result())
	}
	out.WriteString(endMark)
	out.Write(after)
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// machine says where the table is from, without its name.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	number, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
	docker, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").Output()
	if err != nil {
		docker = []byte("?")
	}
	version := 1
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		version = 2
	}
	return fmt.Sprintf("Linux %s, Docker %s, cgroup version %d.", cmp.Or(number, "?"), strings.TrimSpace(string(docker)), version)
}
