// Package attribution finds the processes that packets belong to, in the namespace that they were
// captured in: by the addresses and ports of their flows, and the sockets that have these.
//
// It is the house's own: it reads frames of package internal/linux.
package attribution
