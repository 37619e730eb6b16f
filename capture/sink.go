package capture

import "io"

// Sink is where a capture goes. Its methods are called by one goroutine at a time.
type Sink interface {
	// Begin is called once and first, when all sockets are open and the filter is on.
	Begin() error
	// Blocks takes whole blocks of pcapng, packets of them packets. dropped packets were lost since
	// the blocks before. The bytes are the caller's again when it returns.
	Blocks(b []byte, packets, dropped uint64) error
}

// ToWriter is a sink that writes to w, which gets whole blocks with each call.
func ToWriter(w io.Writer) Sink { return writerSink{w} }

type writerSink struct{ w io.Writer }

func (writerSink) Begin() error { return nil }

func (s writerSink) Blocks(b []byte, _, _ uint64) error {
	_, err := s.w.Write(b)
	return err
}
