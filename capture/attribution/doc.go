// Package attribution finds the processes that packets belong to, in the namespace of the capture.
// It compares the addresses and ports of flows with those of sockets.
//
// It is the house's own: it reads frames of package internal/linux.
package attribution
