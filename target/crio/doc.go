// Package crio finds the containers of CRI-O on this host, by Kubernetes's Container Runtime
// Interface: those of pods. It was written by CRI-O's source (up to 1.37), and tested with
// containerd's server of the same interface.
//
// Numbers of fields are those of k8s.io/cri-api, pkg/apis/runtime/v1/api.proto (v0.37.2).
package crio
