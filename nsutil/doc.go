// Package nsutil holds processes by pidfd and enters their namespaces.
//
// Two ways in: Process.Do runs a function on a thread that joins and is then thrown away, which is
// enough to open a socket or to build mounts; Spawn starts a program inside any set of namespaces,
// the user namespace included, without cgo and with its privileges given up before the container
// can see it.
package nsutil
