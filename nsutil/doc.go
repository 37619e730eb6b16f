// Package nsutil holds processes by pidfd and enters their namespaces.
//
// There are two ways in. Process.Do runs a function on a thread that joins and is thrown away
// afterwards; that is enough to open a socket or to build mounts. Spawn starts a program in any set
// of namespaces, the user namespace included, without cgo. It drops privileges before the container
// can see the program.
package nsutil
