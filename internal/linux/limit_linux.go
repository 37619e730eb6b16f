package linux

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Limit is one resource limit (getrlimit(2)). Infinity is no limit.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// Infinity is RLIM_INFINITY.
const Infinity = math.MaxUint64

// Resources that the packages above tell apart.
const (
	LimitAS   = unix.RLIMIT_AS
	LimitData = unix.RLIMIT_DATA
	LimitCore = unix.RLIMIT_CORE
)

// limitNames are the resources by their names in /proc/PID/limits (fs/proc/base.c, lnames).
var limitNames = map[string]int{
	"Max cpu time": unix.RLIMIT_CPU, "Max file size": unix.RLIMIT_FSIZE, "Max data size": unix.RLIMIT_DATA,
	"Max stack size": unix.RLIMIT_STACK, "Max core file size": unix.RLIMIT_CORE, "Max resident set": unix.RLIMIT_RSS,
	"Max processes": unix.RLIMIT_NPROC, "Max open files": unix.RLIMIT_NOFILE, "Max locked memory": unix.RLIMIT_MEMLOCK,
	"Max address space": unix.RLIMIT_AS, "Max file locks": unix.RLIMIT_LOCKS, "Max pending signals": unix.RLIMIT_SIGPENDING,
	"Max msgqueue size": unix.RLIMIT_MSGQUEUE, "Max nice priority": unix.RLIMIT_NICE, "Max realtime priority": unix.RLIMIT_RTPRIO,
	"Max realtime timeout": unix.RLIMIT_RTTIME,
}

// limitColumn is the width of the name in /proc/PID/limits.
const limitColumn = 25

// ParseLimits reads the text of /proc/PID/limits. A resource that this program does not know is
// left out.
func ParseLimits(text string) ([]Limit, error) {
	var list []Limit
	for line := range strings.Lines(text) {
		if len(line) <= limitColumn {
			continue
		}
		resource, known := limitNames[strings.TrimSpace(line[:limitColumn])]
		fields := strings.Fields(line[limitColumn:])
		if !known || len(fields) < 2 {
			continue
		}
		soft, serr := parseLimit(fields[0])
		hard, herr := parseLimit(fields[1])
		if serr != nil || herr != nil {
			return nil, fmt.Errorf("parse resource limit %q", strings.TrimSpace(line))
		}
		list = append(list, Limit{resource, soft, hard})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("parse resource limits: there are none")
	}
	return list, nil
}

func parseLimit(s string) (uint64, error) {
	if s == "unlimited" {
		return Infinity, nil
	}
	return strconv.ParseUint(s, 10, 64)
}

// Within bounds the limit by what this process may have itself: raising a hard limit takes
// CAP_SYS_RESOURCE.
func (l Limit) Within() (Limit, error) {
	var own unix.Rlimit
	if err := unix.Getrlimit(l.Resource, &own); err != nil {
		return l, wrap("getrlimit", err)
	}
	l.Hard = min(l.Hard, own.Max)
	l.Soft = min(l.Soft, l.Hard)
	return l, nil
}
