package captures_test

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"testing/iotest"

	"dlx/agent/captures"
)

// FuzzScan: whatever a file has behind its whole blocks, it is found, however it is read, and what
// is kept is scanned to the same again.
func FuzzScan(f *testing.F) {
	whole := append(head(), packet(100)...)
	for _, tail := range [][]byte{nil, {1}, packet(60)[:40], make([]byte, 64), head()} {
		f.Add(append(bytes.Clone(whole), tail...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.New()
		size, packets, dropped, err := captures.Scan(bytes.NewReader(b), sum)
		if err != nil || size < 0 || size > int64(len(b)) {
			t.Fatalf("%d of %d bytes, %v", size, len(b), err)
		}
		if want := sha256.Sum256(b[:size]); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Error("the digest is another one's")
		}
		again := sha256.New()
		size2, packets2, dropped2, err := captures.Scan(iotest.OneByteReader(bytes.NewReader(b[:size])), again)
		if err != nil || size2 != size || packets2 != packets || dropped2 != dropped || !bytes.Equal(sum.Sum(nil), again.Sum(nil)) {
			t.Errorf("%d, %d, %d; again %d, %d, %d, %v", size, packets, dropped, size2, packets2, dropped2, err)
		}
	})
}

// FuzzParse: nothing that is on the disk does any harm.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"definition":{"caller":{"known":"peer-credentials","name":"alice","uid":1000},"request":{"Targets":["web"]},"duration":1},"info":{"id":"A"},"sections":1}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := captures.Parse("A", b); err == nil && i.ID != "A" {
			t.Errorf("%+v", i)
		}
	})
}
