// Package hold catches a container's first process when it executes its program, before that has
// run an instruction of its own.
//
// Whatever becomes of who holds it, the process goes on: while it is traced the kernel sees to that
// (ptrace(2)), and once a signal has stopped it the session's keeper does.
package hold
