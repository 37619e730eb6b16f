package pcapng

import "encoding/binary"

// Options are a block's options that are still to be read, where they lie. The records of a name
// resolution block have their form.
type Options struct {
	rest  []byte
	order binary.ByteOrder
}

// Option is one of them.
type Option struct {
	Code  uint16
	Value []byte // without what it is padded with
	order binary.ByteOrder
}

// Next takes the next option. It returns false at their end, which is also where one does not fit.
func (o *Options) Next() (Option, bool) {
	if len(o.rest) < optionHead {
		return Option{}, false
	}
	code, size := o.order.Uint16(o.rest), int(o.order.Uint16(o.rest[2:]))
	if code == optEnd || size > len(o.rest)-optionHead {
		o.rest = nil
		return Option{}, false
	}
	value := o.rest[optionHead : optionHead+size : optionHead+size]
	o.rest = o.rest[min(optionHead+(size+3)&^3, len(o.rest)):]
	return Option{code, value, o.order}, true
}

// optionHead is the size of an option's code and length, in bytes.
const optionHead = 4
