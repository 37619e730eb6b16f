package grpcwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// prefix is a flag for compression and the length, before each message (gRPC's PROTOCOL-HTTP2.md,
// Length-Prefixed-Message).
const prefix = 5

// frame puts the prefix before a message.
func frame(message []byte) []byte {
	out := make([]byte, prefix, prefix+len(message))
	binary.BigEndian.PutUint32(out[1:], uint32(len(message)))
	return append(out, message...)
}

// readMessage reads a message, and io.EOF after the last. Memory grows with what comes, not with
// what was promised.
func readMessage(r io.Reader) ([]byte, error) {
	var head [prefix]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	switch {
	case head[0] != 0:
		return nil, errors.New("a message is compressed, which was not asked for")
	case length > MaxMessage:
		return nil, fmt.Errorf("a message has %d bytes, more than %d", length, MaxMessage)
	}
	var message bytes.Buffer
	if _, err := io.CopyN(&message, r, int64(length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return message.Bytes(), nil
}
