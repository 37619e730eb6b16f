package audit

import (
	"bytes"
	"time"
)

// WithClock has a log tell the time by these.
func (o Options) WithClock(now func() time.Time, mono func() time.Duration) Options {
	o.now, o.mono = now, mono
	return o
}

// Resigned is a line with a part replaced, signed by the current key of a key file.
func Resigned(line, keyFile []byte, from, to string) []byte {
	payload, _, _ := split(line)
	return sign(bytes.Replace(payload, []byte(from), []byte(to), 1), slots(keyFile)[0].key)
}

// Bounds.
const (
	MaxLine   = maxLine
	ReadLimit = readLimit
)
