package applet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"dlx/toolbox/layout"
)

// shellPath is what sh was called as.
var shellPath string

// runSh is the toolbox's shell. Called by its path, as `docker exec C /.dlx/bin/sh` does, it puts
// its own directory on PATH, and then becomes bash or busybox's ash where the toolbox has them.
func runSh(args []string) error {
	if dir := toolboxDir(); dir != "" {
		if path := os.Getenv("PATH"); path != dir && !strings.HasPrefix(path, dir+":") {
			if path != "" {
				path = ":" + path
			}
			_ = os.Setenv("PATH", dir+path)
		}
		roots := filepath.Join(filepath.Dir(dir), layout.Roots)
		if _, err := os.Stat(roots); err == nil && os.Getenv("SSL_CERT_FILE") == "" {
			_ = os.Setenv("SSL_CERT_FILE", roots)
		}
		// Without it each of them would keep a history below HOME, in the container's files.
		_ = os.Setenv("HISTFILE", "/dev/null")
		for _, shell := range []string{"bash", "busybox"} {
			err := syscall.Exec(filepath.Join(dir, shell), append([]string{"sh"}, args...), os.Environ())
			if !errors.Is(err, syscall.ENOENT) {
				return fmt.Errorf("run %s: %w", filepath.Join(dir, shell), err)
			}
		}
	}
	return interpret(args)
}

// toolboxDir is the directory that this program was called in, if it is a toolbox's.
func toolboxDir() string {
	path := shellPath
	if !filepath.IsAbs(path) {
		path, _ = os.Executable()
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(dir, ProgramName)); err != nil {
		return ""
	}
	return dir
}

// interpret runs the shell that is part of this program: sh [-c SCRIPT | FILE] [ARG...].
func interpret(args []string) error {
	var script io.Reader = os.Stdin
	name := "sh"
	interactive := term.IsTerminal(0)
	switch {
	case len(args) > 0 && args[0] == "-c":
		if len(args) < 2 {
			return fail(exitUsage, "-c takes a script")
		}
		script, args, interactive = strings.NewReader(args[1]), args[2:], false
		if len(args) > 0 {
			name, args = args[0], args[1:]
		}
	case len(args) > 0 && !strings.HasPrefix(args[0], "-"):
		f, err := os.Open(args[0])
		if err != nil {
			return fail(127, "%w", err)
		}
		defer f.Close()
		script, name, args, interactive = f, args[0], args[1:], false
	case len(args) > 0:
		_, err := flags("sh", args, nil) // there are --help and --version
		return err
	}
	runner, err := interp.New(interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.Params(append([]string{"--"}, args...)...))
	if err != nil {
		return err
	}
	if interactive {
		return converse(runner)
	}
	file, err := syntax.NewParser().Parse(script, name)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	return exitOf(runner.Run(context.Background(), file))
}

// converse reads commands from a terminal, which does the line editing.
func converse(runner *interp.Runner) error {
	prompt := os.Getenv("PS1")
	if prompt == "" || strings.Contains(prompt, `\`) {
		prompt = os.Getenv("DLX_TARGET") + "$ "
	}
	fmt.Print(prompt)
	var last error
	for stmts, err := range syntax.NewParser().InteractiveSeq(bufio.NewReader(os.Stdin)) {
		if err != nil {
			return errors.Join(last, err)
		}
		for _, stmt := range stmts {
			last = exitOf(runner.Run(context.Background(), stmt))
			if exit, ok := errors.AsType[*exitError](last); last != nil && (!ok || exit.err != nil) {
				fmt.Fprintln(os.Stderr, "sh:", last)
			}
			if runner.Exited() {
				return last
			}
		}
		fmt.Print(prompt)
	}
	return last
}

func exitOf(err error) error {
	if code, ok := errors.AsType[interp.ExitStatus](err); ok {
		return &exitError{code: int(code)}
	}
	return err
}
