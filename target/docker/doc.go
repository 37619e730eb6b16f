// Package docker finds the containers of a Docker engine, or of Podman's socket of the same API, on
// this host.
package docker
