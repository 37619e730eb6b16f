// Package wire turns what an engine takes and gives into messages of the agent's protocol, and
// back.
//
// A new field of an engine's type has to be added here; the package's test finds one that is not.
package wire
