// Package target finds the container that a person means and takes hold of its process.
//
// A TARGET is a name, an ID or a unique prefix of one. It is looked for in every runtime that
// answers, or in that of a scheme (docker://, pid://). A pidfd holds what is found, after a second
// look at the runtime and at the process's cgroup or start time. So neither a restart nor a reused
// PID can be mistaken for it.
package target
