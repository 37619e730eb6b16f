// Package inject puts a verified toolbox in place.
//
// A View shows it to one session only, at /dev/.dlx in a mount namespace of the session's own. It
// leaves no trace. Inject keeps it in a container's writable layer at /.dlx: through the merged
// mount on the host or, for a stopped container, in its upper directory. A journal on disk has
// every file before it is placed. Eject takes the files out.
package inject
