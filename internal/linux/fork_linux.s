// This file is empty: it lets fork_linux.go declare functions that the runtime provides.
