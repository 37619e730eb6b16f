package pcapng

import (
	"net/netip"
	"strings"
)

// Records of a name resolution block.
const (
	recordEnd  = 0
	recordIPv4 = 1
	recordIPv6 = 2
)

// Bounds of the names of a section. A reader passes over what is beyond them.
const (
	maxRecords   = 1 << 16
	maxNameBytes = 4 << 20
	maxName      = 255 // bytes of one name (RFC 1035, 3.1)
)

// Name is what an address is called, the most important name first.
type Name struct {
	Address netip.Addr
	Names   []string
}

// fullNames is the size in bytes at which AppendNames begins another block. Readers bound blocks.
const fullNames = 1 << 20

// AppendNames appends name resolution blocks, one if the list is not a long one. Addresses without
// a name are left out, and nothing is appended if none is left.
func AppendNames(b []byte, list []Name) []byte {
	start := -1
	for i := range list {
		record := appendRecord(nil, &list[i])
		if record == nil {
			continue
		}
		if start >= 0 && len(b)-start+len(record) > fullNames {
			b, start = endNames(b, start), -1
		}
		if start < 0 {
			b, start = begin(b, NamesBlock)
		}
		b = append(b, record...)
	}
	if start < 0 {
		return b
	}
	return endNames(b, start)
}

func endNames(b []byte, start int) []byte { return end(le.AppendUint32(b, recordEnd), start) }

// appendRecord appends an address and its names, each of which ends with a zero.
func appendRecord(b []byte, n *Name) []byte {
	address := n.Address.Unmap()
	kind := uint16(recordIPv6)
	if address.Is4() {
		kind = recordIPv4
	}
	value := address.AsSlice()
	before := len(value)
	for _, name := range n.Names {
		name, _, _ = strings.Cut(name[:min(len(name), maxName)], "\x00")
		if name != "" && len(value)+len(name) < maxOption {
			value = append(append(value, name...), 0)
		}
	}
	if !address.IsValid() || len(value) == before {
		return b
	}
	return option(b, kind, value) // a record has the form of an option
}

// nameTable is what the section's blocks have said of addresses.
type nameTable struct {
	names          map[netip.Addr][]string
	records, bytes int
}

// Names returns the current section's names of an address so far, the most important one first.
func (r *Reader) Names(a netip.Addr) []string { return r.names.names[a.Unmap().WithZone("")] }

// addNames parses a name resolution block. It leaves out what is malformed or beyond the bounds.
func (r *Reader) addNames(body []byte) {
	records := Options{body, r.order} // which end as options do
	for o, ok := records.Next(); ok && r.names.records < maxRecords; o, ok = records.Next() {
		r.names.records++
		width := map[uint16]int{recordIPv4: 4, recordIPv6: 16}[o.Code]
		if len(o.Value) >= width { // or the record is cut short: four bytes would do for an address of the other kind
			if a, ok := netip.AddrFromSlice(o.Value[:width]); ok {
				r.names.add(a.Unmap(), string(o.Value[width:]))
			}
		}
	}
}

// add notes names that each end with a zero.
func (t *nameTable) add(a netip.Addr, list string) {
	for len(list) > 0 {
		name, rest, _ := strings.Cut(list, "\x00")
		list = rest
		name = name[:min(len(name), maxName)]
		if t.bytes += len(name) + 1; t.bytes > maxNameBytes {
			return
		}
		if name == "" {
			continue
		}
		if t.names == nil {
			t.names = map[netip.Addr][]string{}
		}
		t.names[a] = append(t.names[a], strings.Clone(name))
	}
}
