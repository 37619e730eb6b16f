// Package job is what dlx-print is asked for: the options that dlx writes as arguments and
// dlx-print reads from them. It knows nothing of packets, so that a privileged process can have it.
package job
