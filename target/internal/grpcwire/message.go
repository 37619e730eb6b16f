package grpcwire

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is one field of a message. What is of another type than is asked for is zero, as if the
// field were not there.
type Field struct {
	Number protowire.Number
	number uint64
	bytes  []byte
}

// Uint is the value of a number.
func (f Field) Uint() uint64 { return f.number }

// Bytes is the value of bytes, or another message. It is a part of the message that holds it.
func (f Field) Bytes() []byte { return f.bytes }

// Text is the value of a string. It need not be UTF-8.
func (f Field) Text() string { return string(f.bytes) }

// Fields calls f with each field of a message in turn, and stops at the first error.
func Fields(message []byte, f func(Field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("parse a message: %w", protowire.ParseError(n))
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return fmt.Errorf("parse field %d of a message: %w", number, protowire.ParseError(n))
		}
		field := Field{Number: number}
		switch kind {
		case protowire.VarintType:
			field.number, _ = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			field.bytes, _ = protowire.ConsumeBytes(message)
		}
		message = message[n:]
		if err := f(field); err != nil {
			return err
		}
	}
	return nil
}

// Pair is an entry of a map of strings.
func (f Field) Pair() (key, value string, err error) {
	err = Fields(f.bytes, func(f Field) error {
		switch f.Number {
		case 1:
			key = f.Text()
		case 2:
			value = f.Text()
		}
		return nil
	})
	return key, value, err
}

// Any is a google.protobuf.Any.
func (f Field) Any() (typeURL string, value []byte, err error) {
	err = Fields(f.bytes, func(f Field) error {
		switch f.Number {
		case 1:
			typeURL = f.Text()
		case 2:
			value = f.Bytes()
		}
		return nil
	})
	return typeURL, value, err
}

// Time is a google.protobuf.Timestamp.
func (f Field) Time() (time.Time, error) {
	var seconds, nanos int64
	err := Fields(f.bytes, func(f Field) error {
		switch f.Number {
		case 1:
			seconds = int64(f.Uint())
		case 2:
			nanos = int64(f.Uint())
		}
		return nil
	})
	return time.Unix(seconds, nanos), err
}

// AppendBytes appends a field of bytes, a string or another message to a message.
func AppendBytes[T string | []byte](message []byte, number protowire.Number, value T) []byte {
	message = protowire.AppendTag(message, number, protowire.BytesType)
	return protowire.AppendBytes(message, []byte(value))
}
