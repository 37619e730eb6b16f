package applet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

func runUname(args []string) error {
	var all, release, machine bool
	if _, err := flags("uname", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&all, "all", "a", false, "everything")
		f.BoolVarP(&release, "kernel-release", "r", false, "release")
		f.BoolVarP(&machine, "machine", "m", false, "machine")
	}); err != nil {
		return err
	}
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return err
	}
	switch {
	case all:
		fmt.Println(text(u.Sysname[:]), text(u.Nodename[:]), text(u.Release[:]), text(u.Version[:]), text(u.Machine[:]))
	case release:
		fmt.Println(text(u.Release[:]))
	case machine:
		fmt.Println(text(u.Machine[:]))
	default:
		fmt.Println(text(u.Sysname[:]))
	}
	return nil
}

// text turns one of uname(2)'s fields, signed or unsigned by architecture, into a string.
func text[T int8 | uint8](field []T) string {
	var b strings.Builder
	for _, c := range field {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return printable.Escape(b.String())
}

func runID(args []string) error {
	var user, group bool
	if _, err := flags("id", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&user, "user", "u", false, "the user")
		f.BoolVarP(&group, "group", "g", false, "the group")
	}); err != nil {
		return err
	}
	switch {
	case user:
		fmt.Println(os.Geteuid())
	case group:
		fmt.Println(os.Getegid())
	default:
		groups, err := os.Getgroups()
		if err != nil {
			return err
		}
		fmt.Printf("uid=%d gid=%d groups=%s\n", os.Geteuid(), os.Getegid(), strings.Trim(strings.ReplaceAll(fmt.Sprint(groups), " ", ","), "[]"))
	}
	return nil
}

// runEnv prints the environment, or runs a command with more of it.
func runEnv(args []string) error {
	var empty bool
	var without []string
	args, err := flags("env", args, func(f *pflag.FlagSet) {
		f.SetInterspersed(false)
		f.BoolVarP(&empty, "ignore-environment", "i", false, "begin with nothing")
		f.StringArrayVarP(&without, "unset", "u", nil, "without this variable")
	})
	if err != nil {
		return err
	}
	env := os.Environ()
	if empty {
		env = nil
	}
	env = slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(without, name)
	})
	for len(args) > 0 && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	if len(args) == 0 {
		for _, v := range env {
			fmt.Println(v)
		}
		return nil
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return fail(127, "%w", err)
	}
	return fail(126, "%w", syscall.Exec(path, args, env))
}

func runLs(args []string) error {
	var long, all bool
	names, err := flags("ls", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&long, "long", "l", false, "one a line, with mode, owner, size and time")
		f.BoolVarP(&all, "all", "a", false, "those that begin with a dot too")
		f.BoolP("one", "1", true, "one a line, which they always are")
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		if target, err := os.Stat(name); err == nil && target.IsDir() && (!long || info.Mode()&os.ModeSymlink == 0 || strings.HasSuffix(name, "/")) {
			err = listDir(name, long, all)
			if err != nil {
				return err
			}
			continue
		}
		listFile(name, name, info, long)
	}
	return nil
}

func listDir(dir string, long, all bool) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !all {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		listFile(filepath.Join(dir, e.Name()), e.Name(), info, long)
	}
	return err
}

func listFile(path, name string, info os.FileInfo, long bool) {
	name = printable.Escape(name)
	if !long {
		fmt.Println(name)
		return
	}
	var uid, gid uint32
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		uid, gid = st.Uid, st.Gid
	}
	if to, err := os.Readlink(path); err == nil {
		name += " -> " + printable.Escape(to)
	}
	fmt.Printf("%s %5d %5d %10d %s %s\n", info.Mode(), uid, gid, info.Size(), info.ModTime().Format("Jan _2 15:04"), name)
}
