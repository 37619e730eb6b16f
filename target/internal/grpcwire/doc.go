// Package grpcwire calls gRPC services at a unix socket. net/http carries the frames, and callers
// take messages apart by their fields' numbers: generated code and its runtime would make dlx 7 MB
// larger, and all of its starts 5 ms longer.
//
// Nothing of what answers is trusted. Messages and headers are bounded in size, and nothing is
// waited for beyond the end of a call's context.
package grpcwire
