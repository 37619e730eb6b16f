// Package ran tells which programs are started in sessions: by programs of its own in the kernel
// (eBPF, bpf(2)) that are run where a process has executed, is forked and ends.
//
// A session is known by its control group, where its first process executes dlx-init before
// anything of the container's runs. From then on each child of one of its processes is the
// session's too, whatever it does: other groups, sessions, namespaces or parents change nothing.
// Path and arguments are copied in the kernel at the exec itself, before the program's first
// instruction, so that none is over before it is told of. What can not be told is counted.
package ran
