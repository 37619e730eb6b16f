// Package applet is the Go part of the toolbox: tools that busybox lacks or gets wrong.
// One program has them all, and its name tells which it is. It runs inside containers,
// with the privileges of the session only.
package applet
