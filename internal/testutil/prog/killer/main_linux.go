// Killer sends signals, the numbers in its first argument in turn, to every process that it sees
// but itself and the first. With a second argument, a PID, it leaves every process alone but that
// one's children and theirs. It prints "tries N" now and then.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dlx/internal/testutil/procs"
)

func main() {
	var signals []syscall.Signal
	for word := range strings.SplitSeq(os.Args[1], ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			log.Fatal(err)
		}
		signals = append(signals, syscall.Signal(n))
	}
	under := ""
	if len(os.Args) > 2 {
		under = os.Args[2]
	}
	fmt.Println("ready")
	told := time.Now()
	for tries := 0; ; {
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		var pids []int
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if pid > 1 && pid != os.Getpid() && (under == "" || procs.Below(filepath.Base(dir), under)) {
				pids = append(pids, pid)
			}
		}
		slices.Sort(pids)
		for _, pid := range slices.Backward(pids) { // a keeper before its dlx, whose child it is
			for _, s := range signals {
				tries++
				if err := syscall.Kill(pid, s); err == nil && s == syscall.SIGKILL {
					fmt.Println("killed", pid)
				}
			}
		}
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
	}
}
