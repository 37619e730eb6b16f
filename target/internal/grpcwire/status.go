package grpcwire

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"dlx/internal/printable"
)

// Code is a status code of gRPC's (statuscodes.md).
type Code uint32

// The codes that callers tell apart.
const (
	OK            Code = 0
	NotFound      Code = 5
	Unimplemented Code = 12
)

// StatusError is the status, not OK, with which a server ends a call.
type StatusError struct {
	Code    Code
	Message string // of the server's, without control characters
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s (gRPC status %d)", e.Message, e.Code) }

// Is says whether an error is a server's status of that code.
func Is(err error, code Code) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Code == code
}

var errNoStatus = errors.New("the answer has no status")

// maxStatus is the most bytes of a status's text that are kept.
const maxStatus = 1 << 10

// statusOf reads a status from headers or trailers; OK is nil.
func statusOf(h http.Header) error {
	text := h.Get("Grpc-Status")
	if text == "" {
		return errNoStatus
	}
	code, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return fmt.Errorf("the answer's status is %.40q", text)
	}
	if Code(code) == OK {
		return nil
	}
	message := h.Get("Grpc-Message") // with percent-encoding
	if plain, err := url.PathUnescape(message); err == nil {
		message = plain
	}
	if len(message) > maxStatus {
		message = message[:maxStatus] + "..."
	}
	return &StatusError{Code(code), printable.Escape(message)}
}
