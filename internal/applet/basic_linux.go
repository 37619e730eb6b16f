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
	"mvdan.cc/sh/v3/expand"
)

// These few are for a toolbox without busybox; each does the everyday part of its namesake. true,
// false and echo have no --help: what they are given is nothing to them, or text.

func runTrue([]string) error  { return nil }
func runFalse([]string) error { return &exitError{code: 1} }

func runEcho(args []string) error {
	end, escapes := "\n", false
	for ; len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == ""; args = args[1:] {
		for _, letter := range args[0][1:] {
			switch letter {
			case 'n':
				end = ""
			case 'e', 'E':
				escapes = letter == 'e'
			}
		}
	}
	text := strings.Join(args, " ")
	if escapes {
		var err error
		if text, _, err = expand.Format(nil, text, nil); err != nil {
			return err
		}
	}
	_, err := fmt.Print(text, end)
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
	names, err := flags("cat", args, nil)
	if err != nil {
		return err
	}
	return each(names, func(_ string, r io.Reader) error {
		_, err := io.Copy(os.Stdout, r)
		return err
	})
}

func runSleep(args []string) error {
	args, err := flags("sleep", args, nil)
	if err != nil {
		return err
	}
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

// lineCount turns -5 into -n5. head and tail took it before there were option letters.
func lineCount(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if _, err := strconv.ParseUint(args[0][1:], 10, 32); err == nil {
			return append([]string{"-n" + args[0][1:]}, args[1:]...)
		}
	}
	return args
}

func runHead(args []string) error {
	n := uint(10)
	names, err := flags("head", lineCount(args), func(f *pflag.FlagSet) { f.UintVarP(&n, "lines", "n", n, "number of lines") })
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
	count := ""
	names, err := flags("tail", lineCount(args), func(f *pflag.FlagSet) { f.StringVarP(&count, "lines", "n", "10", "number of lines") })
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(count, 10, 31) // +5, from the fifth line on, is no number
	if err != nil {
		return fail(exitUsage, "-n takes a number of lines, not %q", count)
	}
	return each(names, func(_ string, r io.Reader) error {
		var last []string
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				last = append(last, line)
			}
			if len(last) > int(n) { // 31 bits
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
	args, err := flags("basename", args, nil)
	if err != nil {
		return err
	}
	if len(args) < 1 || len(args) > 2 {
		return fail(exitUsage, "takes a path, and a suffix to cut off")
	}
	base := filepath.Base(args[0])
	if cut := strings.TrimSuffix(base, strings.Join(args[1:], "")); cut != "" {
		base = cut
	}
	fmt.Println(base)
	return nil
}

func runDirname(args []string) error {
	args, err := flags("dirname", args, nil)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return fail(exitUsage, "takes a path")
	}
	fmt.Println(filepath.Dir(args[0]))
	return nil
}

func runPwd(args []string) error {
	if _, err := flags("pwd", args, nil); err != nil {
		return err
	}
	dir, err := os.Getwd()
	fmt.Println(dir)
	return err
}

func runReadlink(args []string) error {
	names, err := flags("readlink", args, nil)
	for _, name := range names {
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		fmt.Println(to)
	}
	return err
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

const killOptionsText = `  -SIGNAL, -s SIGNAL   the signal to send, by name or number (default TERM)
`

func runKill(args []string) error {
	sig := syscall.SIGTERM
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := args[0][1:]
		if name == "s" && len(args) > 1 {
			args = args[1:]
			name = args[0]
		}
		if sig = signalNumber(name); sig == 0 && name != "0" {
			return refuse(args[0])
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return fail(exitUsage, "takes processes")
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
