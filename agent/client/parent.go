package client

import (
	"net/http"

	"dlx/agent/trace"
)

// within makes all calls parts of a span.
type within struct {
	http.RoundTripper
	parent string
}

// RoundTrip is http.RoundTripper's.
func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, ok := trace.ParseParent(w.parent); ok {
		r = r.Clone(r.Context())
		r.Header.Set("Traceparent", w.parent)
	}
	return w.RoundTripper.RoundTrip(r)
}
