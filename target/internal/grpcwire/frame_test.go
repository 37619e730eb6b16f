package grpcwire

import (
	"bytes"
	"testing"
)

// FuzzReadMessage: messages come as they were framed, and anything else has an end.
func FuzzReadMessage(f *testing.F) {
	f.Add(append(frame([]byte("abc")), frame(nil)...))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		for r := bytes.NewReader(data); ; {
			message, err := readMessage(r)
			if err != nil {
				break
			}
			again = append(again, frame(message)...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("%q was read as %q", data, again)
		}
	})
}
