// Peeker looks for a text in the environment and the memory of every process that appears in its
// pid namespace, at once. It prints a JSON object for each whose environment it could read, with
// where the text was. Now and then it prints "tries N", how often it has looked at a process.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type sighting struct {
	PID   string `json:"pid"`
	Args  string `json:"args"`
	Path  string `json:"path"`  // where the text was, "" if nowhere
	Bytes int    `json:"bytes"` // that were read
}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	text, self := []byte(os.Args[1]), fmt.Sprint(os.Getpid())
	out, seen := json.NewEncoder(os.Stdout), map[sighting]bool{}
	fmt.Println(`{"ready":true}`)
	tries, told := 0, time.Now()
	for {
		select {
		case <-end:
			return
		default:
		}
		if time.Since(told) > 100*time.Millisecond {
			told = time.Now()
			fmt.Println("tries", tries)
		}
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			if filepath.Base(dir) == self {
				continue
			}
			tries += environTries
			s, ok := look(dir, text)
			s.Bytes &^= 1<<20 - 1 // few states
			if ok && !seen[s] {
				seen[s] = true
				_ = out.Encode(s)
			}
		}
	}
}

// environTries is how often a process's environment is read before its memory, which takes longer.
const environTries = 16

func look(dir string, text []byte) (s sighting, ok bool) {
	for range environTries {
		environ, err := os.ReadFile(dir + "/environ")
		ok = ok || err == nil
		if bytes.Contains(environ, text) {
			s.Path = "environ"
		}
	}
	if !ok {
		return s, false
	}
	s.PID = filepath.Base(dir)
	args, _ := os.ReadFile(dir + "/cmdline")
	s.Args, _, _ = strings.Cut(string(args), "\x00")
	mem, err := os.Open(dir + "/mem")
	if err != nil {
		return s, true
	}
	defer mem.Close()
	maps, _ := os.ReadFile(dir + "/maps")
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to int64
		var mode string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasPrefix(mode, "rw") || to-from > 64<<20 {
			continue
		}
		data, _ := io.ReadAll(io.NewSectionReader(mem, from, to-from))
		s.Bytes += len(data)
		if bytes.Contains(data, text) && s.Path == "" {
			s.Path = "memory"
		}
	}
	return s, true
}
