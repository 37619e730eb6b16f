// Package client is an engine that works on another machine, or with an agent's rights: it speaks
// to an agent.
package client
