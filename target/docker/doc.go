// Package docker finds the containers of Docker, or of Podman's socket of the same API, on
// this host.
package docker
