// Package podman finds the containers of Podman, root's and users' own, by libpod's API.
package podman
