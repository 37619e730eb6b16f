package metrics

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// clockTicks are a second's, of what the kernel tells user space (proc_pid_stat(5)); Linux has 100
// of them on all of dlx's architectures.
const clockTicks = 100

// process are metrics of this process, named as Prometheus's own libraries name them.
func process() []*family {
	stat := readStat()
	one := func(name string, k kind, help string, value float64) *family {
		return &family{name: name, kind: k, help: help, read: func(tell func(float64, ...string)) { tell(value) }}
	}
	return []*family{
		one("go_goroutines", gauge, "goroutines", float64(runtime.NumGoroutine())),
		one("process_cpu_seconds_total", counter, "time on a processor, in seconds", (stat.at(14)+stat.at(15))/clockTicks),
		one("process_resident_memory_bytes", gauge, "memory that is in use", stat.at(24)*float64(os.Getpagesize())),
		one("process_virtual_memory_bytes", gauge, "address space that is in use", stat.at(23)),
		one("process_threads", gauge, "threads", stat.at(20)),
		one("process_open_fds", gauge, "open descriptors", openFiles()),
		one("process_max_fds", gauge, "descriptors that may be open", maxFiles()),
		one("process_start_time_seconds", gauge, "when it was started, in seconds since 1970", bootTime()+stat.at(22)/clockTicks),
	}
}

// stat are the fields of proc_pid_stat(5) behind the second one, the program's name.
type stat [][]byte

func readStat() stat {
	data, _ := os.ReadFile("/proc/self/stat")
	return bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
}

// at is a field by its number in proc_pid_stat(5); 0 if it is not there.
func (s stat) at(n int) float64 {
	if n -= 3; n >= len(s) {
		return 0
	}
	v, _ := strconv.ParseFloat(string(s[n]), 64)
	return v
}

// openFiles counts descriptors without asking what each of them is.
func openFiles() float64 {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	n := -1 // its own
	for {
		names, err := d.Readdirnames(1024)
		if n += len(names); err != nil {
			return float64(n)
		}
	}
}

func maxFiles() float64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return float64(l.Cur)
}

// bootTime is when the system was started, in seconds since 1970 (proc_stat(5)).
func bootTime() float64 {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // was only read
	data, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	_, rest, _ := strings.Cut(string(data), "\nbtime ")
	line, _, _ := strings.Cut(rest, "\n")
	v, _ := strconv.ParseFloat(line, 64)
	return v
}
