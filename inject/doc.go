// Package inject puts a verified toolbox in place.
//
// A View shows it to one session only, at /dev/.dlx in a mount namespace of the session's own, and
// leaves no trace. Inject keeps it in a container's writable layer at /.dlx, through the host-side
// merged mount or, for a stopped container, in its upper directory; every file is in a journal on
// disk before it is placed, and Eject takes it out.
package inject
