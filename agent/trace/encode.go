package trace

import (
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of fields and values are those of opentelemetry/proto/trace/v1/trace.proto,
// common/v1/common.proto and resource/v1/resource.proto, version 1.
const (
	kindInternal, kindServer = 1, 2
	statusError              = 2
	// flagHasRemote says that flagRemote tells something (SpanFlags).
	flagHasRemote, flagRemote = 0x100, 0x200
)

// request is a batch as an ExportTraceServiceRequest.
func request(resource []Attr, scope, version string, batch []*Span) []byte {
	var spans []byte
	for _, s := range batch {
		spans = message(spans, 2, s.encode())
	}
	about := text(text(nil, 1, scope), 2, version)
	scoped := append(message(nil, 1, about), spans...)
	of := attributes(nil, 1, resource)
	resourced := message(message(nil, 1, of), 2, scoped)
	return message(nil, 1, resourced)
}

func (s *Span) encode() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := message(nil, 1, s.trace[:])
	b = message(b, 2, s.id[:])
	if s.parent != (SpanID{}) {
		b = message(b, 4, s.parent[:])
	}
	b = text(b, 5, s.name)
	kind := uint64(kindInternal)
	if s.server {
		kind = kindServer
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 6, protowire.VarintType), kind)
	b = nanoseconds(b, 7, s.start)
	b = nanoseconds(b, 8, s.end)
	b = attributes(b, 9, s.attrs)
	if s.failed {
		status := text(nil, 2, s.status)
		status = protowire.AppendVarint(protowire.AppendTag(status, 3, protowire.VarintType), statusError)
		b = message(b, 15, status)
	}
	flags := uint32(flagHasRemote)
	if s.remote {
		flags |= flagRemote
	}
	return protowire.AppendFixed32(protowire.AppendTag(b, 16, protowire.Fixed32Type), flags)
}

func attributes(b []byte, field protowire.Number, attrs []Attr) []byte {
	for _, a := range attrs {
		b = message(b, field, message(text(nil, 1, a.Key), 2, text(nil, 1, a.Value)))
	}
	return b
}

func message(b []byte, field protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), data)
}

// text is a string, which has to be UTF-8.
func text(b []byte, field protowire.Number, s string) []byte {
	return message(b, field, []byte(strings.ToValidUTF8(s[:min(len(s), maxText)], "\ufffd")))
}

func nanoseconds(b []byte, field protowire.Number, t time.Time) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), uint64(t.UnixNano()))
}
