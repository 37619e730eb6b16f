package build_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"dlx/internal/testutil"
	"dlx/toolbox/build"
)

// hostileELF is a program in an image that is to keep dlx busy:
// each of its many segments is all of the file.
func hostileELF(t *testing.T, segments int, filler []byte) []byte {
	t.Helper()
	const header, entry = 64, 56 // of the file, and of a segment
	var b bytes.Buffer
	size := uint64(header + segments*entry + len(filler))
	for _, part := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
			Phoff: header, Ehsize: header, Phentsize: entry, Phnum: uint16(segments), Shentsize: 64,
		},
		slices.Repeat([]elf.Prog64{{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R), Filesz: size, Memsz: size}}, segments), filler,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// TestRedirectHostile: a program of any image takes time by its size.
// The defences: no byte is in two segments, and a path has a length.
// Without the first it takes 20 s, without the second minutes.
func TestRedirectHostile(t *testing.T) {
	const size = 16 << 20
	if _, err := build.Redirect(hostileELF(t, 60_000, nil)); err == nil {
		t.Error("60,000 segments of the whole file are taken")
	}
	for _, filler := range []string{" /etc/", "\x00/etc/", "/usr/lib", "/bin/sh", "\x00\x00"} {
		data := hostileELF(t, 1, bytes.Repeat([]byte(filler), size/len(filler)))
		got, err := build.Redirect(data)
		if err != nil || len(got) != len(data) {
			t.Errorf("%q: error %v, %d bytes of %d", filler, err, len(got), len(data))
		}
	}
}

// TestRedirectShortLoader: a container's loader runs no program of a toolbox. That holds for one
// whose maker gave its loader a name too short for another path.
func TestRedirectShortLoader(t *testing.T) {
	testutil.RequireRoot(t)
	dir, gcc := t.TempDir(), testutil.RequireTool(t, "gcc")
	source := filepath.Join(dir, "program.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flag := range map[string]string{"program": "-Wl,--dynamic-linker=/l", "loader": "-static"} {
		if out, err := exec.Command(gcc, flag, "-o", filepath.Join(dir, name), source).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	same := func(data []byte) ([]byte, error) { return data, nil }
	for name, c := range map[string]struct {
		change  func([]byte) ([]byte, error)
		refused bool
	}{"as it was": {same, false}, "redirected": {build.Redirect, true}} {
		root := t.TempDir()
		bring(t, root, "/l", filepath.Join(dir, "loader"), same)
		bring(t, root, "/program", filepath.Join(dir, "program"), c.change)
		cmd := exec.Command("/program")
		cmd.SysProcAttr, cmd.Dir = &syscall.SysProcAttr{Chroot: root}, "/"
		// What runs in place of a loader may end in any way.
		if err := cmd.Run(); errors.Is(err, os.ErrPermission) != c.refused {
			t.Errorf("%s: error %v, want that it is refused: %t", name, err, c.refused)
		}
	}
}
