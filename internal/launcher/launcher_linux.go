// Package launcher starts the dynamic programs of a toolbox. It uses the toolbox's loader and
// libraries. The container's are not needed, nor run.
//
// A link bin/NAME leads to FOLDER/run, which is this. It executes FOLDER/lib/ld.so, the loader
// (ld.so(8)), which runs FOLDER/bin/NAME with the libraries of FOLDER/lib. FOLDER/env, if it is
// there, says which variables tell programs where data of theirs is: lines of NAME=PATH, relative
// to the folder. Variables that are set already stay as they are.
package launcher

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Names in a folder of dynamic programs.
const (
	Name     = "run"
	Programs = "bin"
	Libs     = "lib"
	Loader   = "ld.so"
	EnvFile  = "env"
)

const notRun = 126 // as a shell says that a command can not be executed

// Is says whether a program of that name is to be a launcher. dlx-init has a name of its own.
func Is(name string) bool { return filepath.Base(name) != "dlx-init" }

// Run replaces this process by the program that it is called as. It returns only if that fails.
func Run(args []string) int {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fail(args[0], err)
	}
	dir, name := filepath.Dir(self), filepath.Base(args[0])
	data, err := os.ReadFile(filepath.Join(dir, EnvFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(name, err)
	}
	argv := Argv(dir, program(dir, name), name, args[1:])
	return fail(name, syscall.Exec(filepath.Join(dir, Libs, Loader), argv, Environ(os.Environ(), dir, string(data))))
}

// Env is a folder's file of variables, whose values are paths below it.
func Env(paths map[string]string) []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		fmt.Fprintf(&b, "%s=%s\n", name, paths[name])
	}
	return []byte(b.String())
}

// Environ is an environment with the variables of a folder's file that it does not have.
func Environ(environ []string, dir, file string) []string {
	for line := range strings.Lines(file) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		set := func(v string) bool { return strings.HasPrefix(v, name+"=") }
		if ok && !slices.ContainsFunc(environ, set) {
			environ = append(environ, name+"="+filepath.Join(dir, value))
		}
	}
	return environ
}

// program is the one in the folder that was executed. It can be called something else: bash is sh,
// and a login shell is -bash.
func program(dir, name string) string {
	file := filepath.Base(executed())
	var st syscall.Stat_t
	if err := syscall.Lstat(filepath.Join(dir, Programs, file), &st); file == "." || err != nil {
		return name
	}
	return file
}

// Argv are the arguments of the loader, for a program of a folder that is called name.
func Argv(dir, program, name string, args []string) []string {
	return append([]string{Loader, "--argv0", name, "--library-path", filepath.Join(dir, Libs), filepath.Join(dir, Programs, program)}, args...)
}

func fail(name string, err error) int {
	fmt.Fprintf(os.Stderr, "%s: start it with the toolbox's own loader: %v\n", name, err)
	return notRun
}
