package applet

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// These few are for a toolbox without busybox; each does the everyday part of its namesake.

func runTrue([]string) error  { return nil }
func runFalse([]string) error { return &exitError{code: 1} }

func runEcho(args []string) error {
	end := "\n"
	if len(args) > 0 && args[0] == "-n" {
		end, args = "", args[1:]
	}
	_, err := fmt.Print(strings.Join(args, " "), end)
	return err
}

// each calls f with every file, or with standard input if there is none or one is "-".
func each(names []string, f func(name string, r io.Reader) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if name == "-" {
			if err := f(name, os.Stdin); err != nil {
				return err
			}
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = f(name, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func runCat(args []string) error {
	return each(args, func(_ string, r io.Reader) error {
		_, err := io.Copy(os.Stdout, r)
		return err
	})
}

func runSleep(args []string) error {
	if len(args) != 1 {
		return fail(exitUsage, "takes a number of seconds")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		d, err = time.ParseDuration(args[0] + "s")
	}
	if err != nil {
		return fail(exitUsage, "%q is no time", args[0])
	}
	time.Sleep(d)
	return nil
}

// lineCount turns -5, which head and tail have taken since before there were option letters, into -n5.
func lineCount(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if _, err := strconv.ParseUint(args[0][1:], 10, 32); err == nil {
			return append([]string{"-n" + args[0][1:]}, args[1:]...)
		}
	}
	return args
}

func runHead(args []string) error {
	n := 10
	names, err := flags("head", lineCount(args), func(f *pflag.FlagSet) { f.IntVarP(&n, "lines", "n", n, "number of lines") })
	if err != nil {
		return err
	}
	return each(names, func(_ string, r io.Reader) error {
		lines := bufio.NewReader(r)
		for range n {
			line, err := lines.ReadString('\n')
			fmt.Print(line)
			if err != nil {
				return nil //nolint:nilerr // the end of the file
			}
		}
		return nil
	})
}

func runTail(args []string) error {
	n := 10
	names, err := flags("tail", lineCount(args), func(f *pflag.FlagSet) { f.IntVarP(&n, "lines", "n", n, "number of lines") })
	if err != nil {
		return err
	}
	return each(names, func(_ string, r io.Reader) error {
		var last []string
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				last = append(last, line)
			}
			if len(last) > n {
				last = last[1:]
			}
			if err != nil {
				fmt.Print(strings.Join(last, ""))
				return nil //nolint:nilerr // the end of the file
			}
		}
	})
}

func runWc(args []string) error {
	var lines, words, chars bool
	names, err := flags("wc", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&lines, "lines", "l", false, "lines")
		f.BoolVarP(&words, "words", "w", false, "words")
		f.BoolVarP(&chars, "bytes", "c", false, "bytes")
	})
	if err != nil {
		return err
	}
	all := !lines && !words && !chars
	return each(names, func(_ string, r io.Reader) error {
		data, err := io.ReadAll(r)
		var out []string
		for _, c := range []struct {
			want bool
			n    int
		}{{lines, bytes.Count(data, []byte("\n"))}, {words, len(bytes.Fields(data))}, {chars, len(data)}} {
			if all || c.want {
				out = append(out, strconv.Itoa(c.n))
			}
		}
		fmt.Println(strings.Join(out, " "))
		return err
	})
}

func runBasename(args []string) error {
	if len(args) != 1 {
		return fail(exitUsage, "takes a path")
	}
	fmt.Println(filepath.Base(args[0]))
	return nil
}

func runDirname(args []string) error {
	if len(args) != 1 {
		return fail(exitUsage, "takes a path")
	}
	fmt.Println(filepath.Dir(args[0]))
	return nil
}

func runPwd([]string) error {
	dir, err := os.Getwd()
	fmt.Println(dir)
	return err
}

func runReadlink(args []string) error {
	for _, name := range args {
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		fmt.Println(to)
	}
	return nil
}

func runMkdir(args []string) error {
	var parents bool
	names, err := flags("mkdir", args, func(f *pflag.FlagSet) { f.BoolVarP(&parents, "parents", "p", false, "those above it too") })
	for _, name := range names {
		if parents {
			err = os.MkdirAll(name, 0o755)
		} else {
			err = os.Mkdir(name, 0o755)
		}
		if err != nil {
			return err
		}
	}
	return err
}

func runRm(args []string) error {
	var all, force bool
	names, err := flags("rm", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&all, "recursive", "r", false, "directories and what is in them")
		f.BoolVarP(&force, "force", "f", false, "without complaint if it is not there")
	})
	for _, name := range names {
		if _, serr := os.Lstat(name); serr != nil && force {
			continue
		}
		if all {
			err = os.RemoveAll(name)
		} else {
			err = os.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return err
}

func runKill(args []string) error {
	sig := syscall.SIGTERM
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		n, err := strconv.Atoi(args[0][1:])
		if err != nil {
			return fail(exitUsage, "signals are given by number")
		}
		sig, args = syscall.Signal(n), args[1:]
	}
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err != nil {
			return fail(exitUsage, "%q is no process", a)
		}
		if err := syscall.Kill(pid, sig); err != nil {
			return fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return nil
}
