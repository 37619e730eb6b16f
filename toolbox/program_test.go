package toolbox_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"dlx/toolbox"
)

// TestProgramNoSections wants what the kernel does not look at to make no difference.
func TestProgramNoSections(t *testing.T) {
	data := elfFile("linux")
	binary.NativeEndian.PutUint64(data[0x28:], 1<<60) // e_shoff
	if _, loader, err := toolbox.ReadProgram(data); err != nil || !loader {
		t.Errorf("loader %v, %v", loader, err)
	}
}

// FuzzProgram compares with debug/elf: what that and the kernel would read is read alike.
func FuzzProgram(f *testing.F) {
	for _, kind := range []string{"linux", "machine", "far", "size"} {
		f.Add(elfFile(kind)[:1<<10])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		machine, loader, err := toolbox.ReadProgram(content)
		want, werr := elf.NewFile(bytes.NewReader(content))
		if werr != nil {
			return
		}
		if err != nil {
			if entrySize(want, content) == map[elf.Class]uint16{elf.ELFCLASS32: 32, elf.ELFCLASS64: 56}[want.Class] {
				t.Errorf("refused: %v", err)
			}
			return
		}
		interp := slices.ContainsFunc(want.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
		if machine != want.Machine || loader != interp {
			t.Errorf("%v, loader %v; debug/elf says %v, %v", machine, loader, want.Machine, interp)
		}
	})
}

// entrySize is a program header's size. The kernel takes no larger ones, debug/elf does.
func entrySize(file *elf.File, content []byte) uint16 {
	if file.Class == elf.ELFCLASS64 {
		return file.ByteOrder.Uint16(content[54:])
	}
	return file.ByteOrder.Uint16(content[42:])
}
