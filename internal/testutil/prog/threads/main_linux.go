// Threads keeps many operating system threads, each blocked in the kernel: a first process like a
// Java or Go server's.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

func main() {
	n := flag.Int("n", 16, "number of threads")
	flag.Parse()
	var ready sync.WaitGroup
	for range *n {
		ready.Add(1)
		go block(ready.Done)
	}
	ready.Wait()
	fmt.Println("ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

// block holds one thread in a read that never returns.
func block(ready func()) {
	runtime.LockOSThread()
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		log.Fatal(err)
	}
	ready()
	for {
		var b [1]byte
		if _, err := syscall.Read(pipe[0], b[:]); err != nil && err != syscall.EINTR {
			log.Fatal(err)
		}
	}
}
