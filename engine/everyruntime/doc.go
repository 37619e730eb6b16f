// Package everyruntime has the tests of what an engine does on each runtime, in each state of a
// container. They are no part of engine's so that both run at the same time.
package everyruntime
