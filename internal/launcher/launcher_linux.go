// Package launcher starts the dynamic programs of a toolbox with the loader and the libraries that the toolbox brings
// along: the container's, if it has any, are neither needed nor run.
//
// A link bin/NAME leads to FOLDER/run, which is this. It executes FOLDER/lib/ld.so, the loader (ld.so(8)), which runs
// FOLDER/bin/NAME with the libraries of FOLDER/lib.
package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Names in a folder of dynamic programs.
const (
	Name     = "run"
	Programs = "bin"
	Libs     = "lib"
	Loader   = "ld.so"
)

const notRun = 126 // as a shell says that a command can not be executed

// Is says whether a program that is called by a name is to be a launcher: dlx-init has a name of its own.
func Is(name string) bool { return filepath.Base(name) != "dlx-init" }

// Run replaces this process by the program that it is called as. It returns only if that fails.
func Run(args []string) int {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fail(args[0], err)
	}
	dir, name := filepath.Dir(self), filepath.Base(args[0])
	argv := Argv(dir, program(dir, name), name, args[1:])
	return fail(name, syscall.Exec(filepath.Join(dir, Libs, Loader), argv, os.Environ()))
}

// program is which one of the folder's is meant: the one that was executed, which can be called something else, as bash is
// sh and a login shell -bash.
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
