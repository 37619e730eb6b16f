// Package seccomp has the filters of system calls for sessions whose container's own can not be
// copied: the default profile of Docker (github.com/moby/profiles), as the runtime applies it to a
// container of certain capabilities, and what a profile's tools need beyond that. They are compiled
// ahead of time, by the command in gen (`make generate`), and embedded, so that they cost a start
// nothing.
//
// A filter knows the architectures whose programs the kernel runs: amd64 and i386, or arm64 and
// 32-bit arm. Calls of the x32 ABI, and those that are newer than the profile, fail with ENOSYS, as
// on a kernel without them; what the profile does not name fails with EPERM.
package seccomp
