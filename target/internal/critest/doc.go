// Package critest makes pods and containers by the Container Runtime Interface, as Kubernetes's
// kubelet does (k8s.io/cri-api, runtime/v1/api.proto).
package critest
