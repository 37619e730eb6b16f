// Package layout is where things are in dlx's own toolbox, and in every one that has them.
package layout

// Paths below a toolbox.
const (
	Bin   = "bin"              // what is on PATH
	Init  = "libexec/dlx-init" // the first process of a session
	Tools = Bin + "/dlx-tools" // the multi-call program, which is Init too where there is none
	Bash  = Bin + "/bash"
	Sh    = Bin + "/sh"
	Roots = "etc/ssl/cert.pem" // certificate authorities
)

// Shells are what a person can be told to try, the best one first.
var Shells = []string{Sh, Bash}
