// Package target finds the container that a person means and takes hold of its process.
//
// A TARGET is a name, an ID or a unique prefix of one, looked for in every runtime that answers; a
// scheme (docker://, pid://) decides. What is found is held by a pidfd, after a second look at the
// runtime and at the process's cgroup or start time: neither a restart nor a reused PID can be
// mistaken for it.
package target
