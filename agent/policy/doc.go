// Package policy is the agent's policy file: who may do what to which containers.
//
// A policy is a list of rules. Each one allows or denies, and is a statement of security that can
// be read by itself. An operation goes through if one rule allows all of it and no rule denies any
// of it; what no rule speaks of is denied. A deny rule always wins, wherever it stands: no rule
// that is added above it, or merged from another file, opens what it closes, and the rules can be
// sorted as people like. With "the first match decides" one rule in the wrong place would undo
// another. The order counts for one thing: of several rules that allow, the first one's limits
// hold.
//
// What a rule asks for and an operation does not tell is held against the operation. An allow rule
// is not met by it, and a deny rule is.
//
// An operation is judged by what the engine holds and has verified, never by the name that somebody
// asked for. But a container's name, image and labels are the words of whoever created it. A rule
// that goes by them trusts all who may create containers in that runtime.
package policy
