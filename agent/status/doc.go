// Package status tells machines how an agent is: its metrics, whether it is alive, and whether it
// takes work. What it tells is about no person and no container.
package status
