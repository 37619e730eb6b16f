// Package naming has what containers are called: by Kubernetes's labels, with what characters, and
// which of them a name means.
package naming
