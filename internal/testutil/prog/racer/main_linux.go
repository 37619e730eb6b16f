// Racer changes a folder of a given name as fast as it can, once it is there. It swaps the folder's
// files with a FIFO, a link or a folder and back, and the folder itself with another or a link. The
// links lead to its second argument, or to /etc. It says "opened" when somebody opens the FIFO for
// reading, and now and then "tries N", the swaps that worked.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// What takes the place of files and of the folder lies beside it, in the same file system.
var fifo, link, folder string

var swaps atomic.Int64

func main() {
	top, target := os.Args[1], "/etc"
	if len(os.Args) > 2 {
		target = os.Args[2]
	}
	fifo, link, folder = beside(top, "racer.fifo"), beside(top, "racer.link"), beside(top, "racer.folder")
	_ = syscall.Mkfifo(fifo, 0o666) // what is there already is from an earlier run
	_ = os.Symlink(target, link)
	_ = os.Mkdir(folder, 0o755)
	const oPath = 0x200000 // O_PATH
	fd, err := syscall.Open(fifo, oPath, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "racer:", err)
		os.Exit(1)
	}
	go watch(fmt.Sprintf("/proc/self/fd/%d", fd))
	go tell()
	fmt.Println("ready")
	for n := 0; ; n++ {
		files := list(top)
		for i, f := range files {
			race(f, i)
		}
		for i := 0; len(files) > 0 && i < hammer; i++ {
			race(files[0], i)
		}
		if n%4 == 3 {
			swap(top, []string{folder, link}[n/4%2])
		}
	}
}

func beside(top, name string) string { return filepath.Join(filepath.Dir(top), name) }

func tell() {
	for range time.Tick(100 * time.Millisecond) {
		fmt.Println("tries", swaps.Load())
	}
}

// hammer is how often one file is swapped with the FIFO after a round of all.
const hammer = 2000

// race swaps a file with the FIFO, a link or a folder, and back.
func race(f string, n int) {
	aside := f + ".aside"
	var err error
	switch n % 4 {
	case 1:
		err = os.Link(link, aside)
	case 2:
		err = os.Mkdir(aside, 0o755)
	default:
		err = os.Link(fifo, aside)
	}
	if err != nil {
		return
	}
	swap(f, aside)
	if info, err := os.Lstat(aside); err == nil && !info.Mode().IsRegular() {
		_ = os.Remove(aside)
	}
}

// swap exchanges two names and exchanges them again; one that is not there is the other side's
// doing.
func swap(a, b string) {
	if exchange(a, b) {
		swaps.Add(1)
		exchange(a, b)
	}
}

func list(top string) (files []string) {
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".aside") {
			files = append(files, path)
		}
		return nil
	})
	return files
}

// watch opens a FIFO for writing, which works while somebody has it open for reading (fifo(7)).
func watch(name string) {
	for {
		if fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			fmt.Println("opened")
			_ = syscall.Close(fd)
		}
	}
}

// exchange is renameat2(2) with RENAME_EXCHANGE.
func exchange(a, b string) bool {
	from, _ := syscall.BytePtrFromString(a)
	to, _ := syscall.BytePtrFromString(b)
	cwd := -100 // AT_FDCWD
	_, _, errno := syscall.Syscall6(sysRenameat2, uintptr(cwd), uintptr(unsafe.Pointer(from)), uintptr(cwd), uintptr(unsafe.Pointer(to)), 2, 0)
	return errno == 0
}
