// Package containerd finds the containers of containerd on this host, by its own API: those of ctr,
// of nerdctl and of Kubernetes.
package containerd
