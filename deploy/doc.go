// Package deploy has no code, only what an agent is deployed by, and the tests of it.
package deploy
