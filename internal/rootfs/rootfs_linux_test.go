package rootfs_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlx/internal/linux"
	"dlx/internal/rootfs"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

const limit = 30 * time.Second

// openRoot opens a directory as a root. Files in one that answers are found at once, in another by
// a child.
func openRoot(t *testing.T, dir string, answers bool) *rootfs.Root {
	t.Helper()
	fd, err := linux.OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	var mountinfo []byte
	if answers {
		if mountinfo, err = os.ReadFile("/proc/self/mountinfo"); err != nil {
			t.Fatal(err)
		}
	}
	root := rootfs.NewRoot(fd, mountinfo)
	t.Cleanup(func() { root.Close() })
	return root
}

// TestRead reads what a path may lead to: stored bytes are read, and everything else is refused
// before it is opened.
func TestRead(t *testing.T) {
	testutil.RequireRoot(t) // mknod
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(
		os.WriteFile(at("file"), []byte("content"), 0o600), os.WriteFile(at("long"), make([]byte, 101), 0o600), os.Mkdir(at("folder"), 0o700),
		syscall.Mkfifo(at("fifo"), 0o600), syscall.Mknod(at("zero"), syscall.S_IFCHR|0o600, 1<<8|5), syscall.Mknod(at("block"), syscall.S_IFBLK|0o600, 7<<8|250))
	for name, to := range map[string]string{
		"link": "file", "kmsg": "/proc/kmsg", "sysfs": "/sys/kernel/uevent_seqnum", "out": "../../../../../../../file", "dangling": "none", "loop": "loop", "magic": "/proc/self/exe", "root": "/proc/self/root/etc/passwd",
	} {
		err = errors.Join(err, os.Symlink(to, at(name)))
	}
	if err != nil {
		t.Fatal(err)
	}
	const top, below = "/", "."
	for name, tt := range map[string]struct {
		root string
		path string
		want error
	}{
		"file":                {below, "/file", nil},
		"link":                {below, "/link", nil},
		"link above the root": {below, "/out", nil},
		"too long":            {below, "/long", rootfs.ErrTooLong},
		"folder":              {below, "/folder", rootfs.ErrNotFile},
		"FIFO":                {below, "/fifo", rootfs.ErrNotFile},
		"character device":    {below, "/zero", rootfs.ErrNotFile},
		"block device":        {below, "/block", rootfs.ErrNotFile},
		"nothing":             {below, "/none", linux.ErrNotExist},
		"dangling link":       {below, "/dangling", linux.ErrNotExist},
		"link to itself":      {below, "/loop", linux.ErrLoop},
		"kernel log":          {top, at("kmsg"), rootfs.ErrNotFile},
		"sysfs":               {top, at("sysfs"), rootfs.ErrNotFile},
		"magic link":          {top, at("magic"), linux.ErrLoop},
		"below a magic link":  {top, at("root"), linux.ErrLoop},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			root := tt.root
			if root == below {
				root = dir
			}
			for _, answers := range []bool{true, false} {
				data, err := rootfs.Read(ctx, openRoot(t, root, answers), tt.path, 100)
				if !errors.Is(err, tt.want) || err == nil && string(data) != "content" {
					t.Errorf("root answers %v: %q, %v, want %v", answers, data, err, tt.want)
				}
			}
		})
	}
}

// TestSwapped: a name changes between a file and a FIFO while it is read. Nobody ever opens the
// FIFO, which is a device's stand-in: one that is opened may act. Without the handle, whose file is
// looked at and then opened by its descriptor, it is opened.
func TestSwapped(t *testing.T) {
	dir := t.TempDir()
	file, fifo, name := filepath.Join(dir, "file"), filepath.Join(dir, "fifo"), filepath.Join(dir, "name")
	if err := errors.Join(os.WriteFile(file, []byte("content"), 0o600), syscall.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	swapped := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			for _, to := range []string{file, fifo} {
				_ = os.Link(to, name+".new") // each is there: the test's own
				_ = os.Rename(name+".new", name)
			}
		}
		swapped <- n
	}()
	opened := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			// A FIFO without a reader does not open for writing that way (fifo(7)).
			if fd, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				n++
				_ = syscall.Close(fd)
			}
		}
		opened <- n
	}()
	roots := []*rootfs.Root{openRoot(t, dir, true), openRoot(t, dir, false)}
	read, refused := 0, 0
	for n := range 300 {
		switch data, err := rootfs.Read(t.Context(), roots[n%len(roots)], "/name", 100); {
		case err == nil && string(data) == "content":
			read++
		case errors.Is(err, rootfs.ErrNotFile), errors.Is(err, linux.ErrNotExist):
			refused++
		default:
			t.Fatalf("%q, %v", data, err)
		}
	}
	cancel()
	n, times := <-swapped, <-opened
	if times > 0 || read == 0 || refused == 0 {
		t.Errorf("the FIFO was opened %d times; %d read, %d refused, %d swaps", times, read, refused, n)
	}
}

// TestWithin: what hangs is left behind, with the cause of whoever has given up.
func TestWithin(t *testing.T) {
	cause := errors.New("cause")
	given, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	for want, ctx := range map[error]context.Context{rootfs.ErrNoAnswer: t.Context(), cause: given} {
		release := make(chan struct{})
		_, err := rootfs.Within(ctx, 10*time.Millisecond, func() (int, error) { <-release; return 1, nil })
		close(release)
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	if n, err := rootfs.Within(t.Context(), limit, func() (int, error) { return 1, nil }); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// TestEndless: a file that grows while it is read ends at the limit.
func TestEndless(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 50); err != nil && !errors.Is(err, syscall.EFBIG) {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	if _, err := rootfs.Read(t.Context(), openRoot(t, dir, true), "file", 1<<20); !errors.Is(err, rootfs.ErrTooLong) || !strings.Contains(err.Error(), "1048576") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkFind(b *testing.B) {
	fd, err := linux.OpenPath("/")
	if err != nil {
		b.Fatal(err)
	}
	defer fd.Close()
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		b.Fatal(err)
	}
	for name, root := range map[string]*rootfs.Root{"answers": rootfs.NewRoot(fd, mountinfo), "child": rootfs.NewRoot(fd, nil)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f, err := rootfs.Find(b.Context(), root, "/etc/passwd")
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}
