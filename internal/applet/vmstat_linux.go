package applet

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// vmStat are the counters of /proc/stat, /proc/vmstat and /proc/meminfo that vmstat(8) prints.
type vmStat map[string]uint64

// runVmstat is vmstat [DELAY [COUNT]].
func runVmstat(args []string) error {
	args, err := flags("vmstat", args, nil)
	if err != nil {
		return err
	}
	delay, count := time.Second, 1
	for i, a := range args {
		n, err := strconv.Atoi(a)
		switch {
		case err != nil || n < 1 || i > 1:
			return fail(exitUsage, "takes [DELAY [COUNT]] in whole numbers")
		case i == 0:
			delay, count = time.Duration(n)*time.Second, 0
		default:
			count = n
		}
	}
	fmt.Println("procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----")
	fmt.Println(" r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st")
	last, elapsed := vmStat{}, readSystem().uptime
	for i := 0; count == 0 || i < count; i++ {
		if i > 0 {
			time.Sleep(delay)
			elapsed = delay.Seconds()
		}
		now := readVMStat()
		now.print(last, elapsed)
		last = now
	}
	return nil
}

func readVMStat() vmStat {
	s := vmStat{}
	for _, file := range []string{"/proc/stat", "/proc/vmstat", "/proc/meminfo"} {
		data, _ := os.ReadFile(file)
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			s[strings.TrimSuffix(f[0], ":")] = number(f[1], 10)
			for i := 1; f[0] == "cpu" && i < len(f); i++ {
				s["cpu"+strconv.Itoa(i)+"ticks"] = number(f[i], 10)
			}
		}
	}
	return s
}

func (s vmStat) print(last vmStat, elapsed float64) {
	rate := func(name string) float64 { return float64(s[name]-last[name]) / max(elapsed, 1) }
	// The columns of the cpu line: user nice system idle iowait irq softirq steal (proc_stat(5)).
	tick := func(columns ...int) (sum float64) {
		for _, c := range columns {
			name := "cpu" + strconv.Itoa(c) + "ticks"
			sum += float64(s[name] - last[name])
		}
		return sum
	}
	total := max(tick(1, 2, 3, 4, 5, 6, 7, 8), 1)
	percent := func(columns ...int) float64 { return 100 * tick(columns...) / total }
	page := float64(os.Getpagesize()) / 1024
	fmt.Printf("%2d %2d %6d %6d %6d %6d %4.0f %4.0f %5.0f %5.0f %4.0f %4.0f %2.0f %2.0f %2.0f %2.0f %2.0f\n",
		s["procs_running"], s["procs_blocked"], s["SwapTotal"]-s["SwapFree"], s["MemFree"], s["Buffers"], s["Cached"]+s["SReclaimable"],
		rate("pswpin")*page, rate("pswpout")*page, rate("pgpgin"), rate("pgpgout"), rate("intr"), rate("ctxt"),
		percent(1, 2), percent(3, 6, 7), percent(4), percent(5), percent(8))
}
