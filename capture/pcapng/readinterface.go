package pcapng

import "math/bits"

// readInterface is an interface of the section that is being read, with its clock.
type readInterface struct {
	Interface
	perSecond uint64 // units of time, if_tsresol
	offset    int64  // seconds to add, if_tsoffset
}

const (
	microseconds = 1e6 // units in a second where a file does not say
	nanoseconds  = 1e9
)

// addInterface takes an interface description block apart.
func (r *Reader) addInterface(body []byte) error {
	if len(body) < interfaceFixed || len(r.interfaces) >= maxInterfaces {
		return errInterface
	}
	i := readInterface{perSecond: microseconds}
	i.LinkType, i.SnapLen = r.order.Uint16(body), r.order.Uint32(body[4:])
	options := Options{body[interfaceFixed:], r.order}
	for o, ok := options.Next(); ok; o, ok = options.Next() {
		value := o.Value
		switch o.Code {
		case optComment:
			i.Comment = text(value)
		case optName:
			i.Name = text(value)
		case optDescription:
			i.Description = text(value)
		case optMAC:
			i.MAC = append(i.MAC[:0], value[:min(len(value), 6)]...)
		case optFilter:
			if len(value) > 0 && value[0] == filterText[0] {
				i.Filter = text(value[1:])
			}
		case optIfOS:
			i.OS = text(value)
		case optIfHardware:
			i.Hardware = text(value)
		case optSpeed:
			if len(value) == 8 {
				i.Speed = r.order.Uint64(value)
			}
		case optResolution:
			if len(value) > 0 {
				i.perSecond = resolution(value[0])
			}
		case optOffset:
			if len(value) == 8 {
				i.offset = int64(r.order.Uint64(value))
			}
		}
	}
	r.interfaces = append(r.interfaces, i)
	return nil
}

func text(value []byte) string { return string(value[:min(len(value), maxText)]) }

// resolution is how many units a second has: a power of ten, or of two if the highest bit is set.
func resolution(b byte) uint64 {
	n := b & 0x7f
	switch {
	case b&0x80 != 0 && n < 63:
		return 1 << n
	case b&0x80 == 0 && n <= 18:
		units := uint64(1)
		for range n {
			units *= 10
		}
		return units
	}
	return microseconds
}

// nanos converts units of the interface's clock to nanoseconds since 1970. No step of it overflows.
// What does not fit wraps around.
func (i *readInterface) nanos(units uint64) uint64 {
	seconds, rest := units/i.perSecond, units%i.perSecond
	hi, lo := bits.Mul64(rest, 1e9)
	fraction, _ := bits.Div64(hi, lo, i.perSecond) // no overflow: rest < perSecond
	return (seconds+uint64(i.offset))*1e9 + fraction
}
