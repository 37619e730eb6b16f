// Package shell is a session inside a container: its credentials and environment, its terminal or
// pipes, its processes and its end.
//
// A session's processes are in a cgroup of their own, whose first process, dlx-init, reaps the
// others. When the command ends, or the container, or dlx itself (kill -9 included: the keeper
// watches), every one of them is ended and reaped.
package shell
