// Package failpoint ends the process at a named point of its work, as kill -9 does, in a build with
// the tag "failpoints". A test walks through all points and looks at what is left. Without the tag
// a point is nothing at all.
package failpoint
