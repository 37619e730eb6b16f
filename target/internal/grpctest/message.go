// Package grpctest answers calls of gRPC's as tests tell it.
package grpctest

import (
	"google.golang.org/protobuf/encoding/protowire"

	"dlx/target/internal/grpcwire"
)

// Message has fields 1, 2 and so on: texts, other messages, and numbers. A nil is left out.
func Message(fields ...any) (m []byte) {
	for i, f := range fields {
		n := protowire.Number(i + 1)
		switch f := f.(type) {
		case string:
			m = grpcwire.AppendBytes(m, n, f)
		case []byte:
			m = grpcwire.AppendBytes(m, n, f)
		case int:
			m = protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), uint64(f))
		}
	}
	return m
}

// Several is field 1 several times.
func Several(values ...[]byte) []byte { return With(nil, 1, values...) }

// With appends a field of messages, each of which it has once more.
func With(m []byte, number protowire.Number, values ...[]byte) []byte {
	for _, v := range values {
		m = grpcwire.AppendBytes(m, number, v)
	}
	return m
}
