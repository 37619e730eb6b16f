package pcapng_test

import (
	"encoding/binary"
	"slices"
)

var be = binary.BigEndian

// bigEndian appends a block of the other byte order.
func bigEndian(b []byte, kind uint32, body ...[]byte) []byte {
	all := slices.Concat(body...)
	size := uint32(len(all) + 12)
	b = be.AppendUint32(be.AppendUint32(b, kind), size)
	return be.AppendUint32(append(b, all...), size)
}

func words(values ...uint32) (b []byte) {
	for _, v := range values {
		b = be.AppendUint32(b, v)
	}
	return b
}
