// Package applet is the Go part of the toolbox: the tools that busybox lacks or gets wrong, in one
// program that is what it is called. It runs inside containers, without privileges that a session
// does not have.
package applet
