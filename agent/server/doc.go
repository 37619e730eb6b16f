// Package server is the agent: an engine that others may ask, each of whom is known.
package server
