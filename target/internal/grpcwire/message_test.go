package grpcwire_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"dlx/target/internal/grpcwire"
)

// TestFields: fields of each type come in their order, and what is of another type is zero.
func TestFields(t *testing.T) {
	message := grpcwire.AppendBytes(nil, 1, "text")
	message = protowire.AppendVarint(protowire.AppendTag(message, 2, protowire.VarintType), 300)
	message = protowire.AppendFixed64(protowire.AppendTag(message, 3, protowire.Fixed64Type), 7)
	message = grpcwire.AppendBytes(message, 1, []byte("again"))
	var got []string
	err := grpcwire.Fields(message, func(f grpcwire.Field) error {
		got = append(got, f.Text()+strings.Repeat("+", int(f.Uint()/100)))
		return nil
	})
	if text := strings.Join(got, " "); err != nil || text != "text +++  again" {
		t.Errorf("%q, %v", text, err)
	}
	for _, bad := range []string{"\x0a", "\x0a\x05abc", "\x08", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x07\x00", "\x00\x00", "\x0b", "\x0a\xff\xff\xff\xff\x0f"} {
		if err := grpcwire.Fields([]byte(bad), func(grpcwire.Field) error { return nil }); err == nil {
			t.Errorf("%q is taken for a message", bad)
		}
	}
}

// TestKnown: the messages that all services have.
func TestKnown(t *testing.T) {
	stamp := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1700000000)
	stamp = protowire.AppendVarint(protowire.AppendTag(stamp, 2, protowire.VarintType), 5)
	pair := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, "key"), 2, "value")
	message := grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, pair), 2, stamp)
	err := grpcwire.Fields(message, func(f grpcwire.Field) error {
		switch f.Number {
		case 1:
			key, value, err := f.Pair()
			url, data, aerr := f.Any()
			if key+value+url+string(data) != "keyvaluekeyvalue" || err != nil || aerr != nil {
				t.Errorf("%q %q %v, %q %q %v", key, value, err, url, data, aerr)
			}
		case 2:
			if at, err := f.Time(); err != nil || !at.Equal(time.Unix(1700000000, 5)) {
				t.Errorf("%v, %v", at, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// FuzzFields: any bytes are taken apart or refused, and no field is larger than the whole.
func FuzzFields(f *testing.F) {
	f.Add(grpcwire.AppendBytes(grpcwire.AppendBytes(nil, 1, "key"), 2, "value"))
	f.Add([]byte("\x08\x01\x0b\x0c\x1d\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		sum := 0
		_ = grpcwire.Fields(message, func(f grpcwire.Field) error {
			sum += len(f.Bytes())
			_, _, _ = f.Pair()
			_, _, _ = f.Any()
			_, err := f.Time()
			return err
		})
		if sum > len(message) {
			t.Errorf("%d bytes of %d", sum, len(message))
		}
	})
}
