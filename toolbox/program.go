package toolbox

import (
	"debug/elf"
	"encoding/binary"
	"errors"
)

// program is what the kernel takes from a program's headers before it runs it (elf(5),
// fs/binfmt_elf.c). Only the names are debug/elf's: that reads section tables too, which no kernel
// looks at and which lie at each file's far end.
type program struct {
	machine elf.Machine
	loader  bool // it asks for one
}

var errHeaders = errors.New("its headers are not whole")

// headerLayout is where the parts of a file header are, by class.
type headerLayout struct {
	size                  int // of the header
	table, entries, count int // offsets of e_phoff, e_phentsize and e_phnum
	entry                 int // size of a program header
}

// layoutOf is the layout of a class; it has no size if there is no such class.
func layoutOf(class elf.Class) headerLayout {
	switch class {
	case elf.ELFCLASS32:
		return headerLayout{size: 52, table: 28, entries: 42, count: 44, entry: 32}
	case elf.ELFCLASS64:
		return headerLayout{size: 64, table: 32, entries: 54, count: 56, entry: 56}
	}
	return headerLayout{}
}

// orderOf is the order of bytes in a file, nil if it is none.
func orderOf(data elf.Data) binary.ByteOrder {
	switch data {
	case elf.ELFDATA2LSB:
		return binary.LittleEndian
	case elf.ELFDATA2MSB:
		return binary.BigEndian
	}
	return nil
}

// readProgram reads a program's headers. It is errHeaders if one is not in the file,
// or of wrong size.
func readProgram(content []byte) (p program, err error) {
	if len(content) < elf.EI_NIDENT {
		return p, errHeaders
	}
	class := elf.Class(content[elf.EI_CLASS])
	at, order := layoutOf(class), orderOf(elf.Data(content[elf.EI_DATA]))
	if at.size == 0 || order == nil || len(content) < at.size {
		return p, errHeaders
	}
	p.machine = elf.Machine(order.Uint16(content[18:]))
	count := int(order.Uint16(content[at.count:]))
	if count == 0 {
		return p, nil // nothing of it can be run
	}
	table := uint64(order.Uint32(content[at.table:]))
	if class == elf.ELFCLASS64 {
		table = order.Uint64(content[at.table:])
	}
	size := uint64(count * at.entry)
	if int(order.Uint16(content[at.entries:])) != at.entry || table > uint64(len(content)) || size > uint64(len(content))-table {
		return p, errHeaders
	}
	for headers := content[table : table+size]; len(headers) > 0; headers = headers[at.entry:] {
		p.loader = p.loader || elf.ProgType(order.Uint32(headers)) == elf.PT_INTERP
	}
	return p, nil
}
