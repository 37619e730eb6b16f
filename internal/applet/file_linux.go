package applet

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// runFile is file(1) for what lies in containers: a file's beginning tells what it is.
func runFile(args []string) error {
	var brief, follow bool
	names, err := flags("file", args, func(f *pflag.FlagSet) {
		f.BoolVarP(&brief, "brief", "b", false, "without the names")
		f.BoolVarP(&follow, "dereference", "L", false, "follow symbolic links")
	})
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		return fail(exitUsage, "takes files")
	}
	width := 0
	for _, name := range names {
		width = max(width, len(printable.Escape(name))+1)
	}
	for _, name := range names {
		if !brief {
			fmt.Printf("%-*s ", width, printable.Escape(name)+":")
		}
		fmt.Println(kindOfFile(name, follow))
	}
	return nil
}

func kindOfFile(name string, follow bool) string {
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	info, err := stat(name)
	if err != nil {
		return fmt.Sprintf("cannot open `%s' (%v)", printable.Escape(name), rootCause(err))
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "directory"
	case mode&os.ModeSymlink != 0:
		to, _ := os.Readlink(name)
		if _, err := os.Stat(name); err != nil {
			return "broken symbolic link to " + printable.Escape(to)
		}
		return "symbolic link to " + printable.Escape(to)
	case mode&os.ModeNamedPipe != 0:
		return "fifo (named pipe)"
	case mode&os.ModeSocket != 0:
		return "socket"
	case mode&os.ModeCharDevice != 0:
		return "character special"
	case mode&os.ModeDevice != 0:
		return "block special"
	case info.Size() == 0 && !strings.HasPrefix(name, "/proc/") && !strings.HasPrefix(name, "/sys/"):
		return "empty"
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Sprintf("regular file, no read permission (%v)", rootCause(err))
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return fmt.Sprintf("can not be read (%v)", rootCause(err))
	}
	return kindOfData(start, f)
}

var magics = []struct {
	at         int
	mark, kind string
}{
	{0, "\x1f\x8b", "gzip compressed data"}, {0, "BZh", "bzip2 compressed data"}, {0, "\xfd7zXZ\x00", "XZ compressed data"},
	{0, "\x28\xb5\x2f\xfd", "Zstandard compressed data"}, {0, "PK\x03\x04", "Zip archive data"}, {257, "ustar", "POSIX tar archive"},
	{0, "!<arch>\n", "current ar archive"}, {0, "\x89PNG\r\n\x1a\n", "PNG image data"}, {0, "\xff\xd8\xff", "JPEG image data"}, {0, "GIF8", "GIF image data"},
	{0, "%PDF-", "PDF document"}, {0, "SQLite format 3\x00", "SQLite 3.x database"}, {0, "\xca\xfe\xba\xbe", "compiled Java class data"},
	{0, "\x00asm", "WebAssembly (wasm) binary module"}, {0, "\xd4\xc3\xb2\xa1", "pcap capture file, little-endian"},
	{0, "\x4d\x3c\xb2\xa1", "pcap capture file, little-endian, nanoseconds"},
	{0, "\x0a\x0d\x0d\x0a", "pcapng capture file"}, {0, "-----BEGIN CERTIFICATE-----", "PEM certificate"},
	{0, "-----BEGIN RSA PRIVATE KEY-----", "PEM RSA private key"}, {0, "-----BEGIN", "PEM data"}, {0, "<?xml", "XML document, ASCII text"},
	{0, "TZif", "timezone data"}, {0, "RIFF", "RIFF data"}, {0, "\x7fELF", "ELF"},
}

func kindOfData(start []byte, r io.ReaderAt) string {
	for _, m := range magics {
		if len(start) > m.at && bytes.HasPrefix(start[m.at:], []byte(m.mark)) {
			if m.kind == "ELF" {
				return kindOfELF(r)
			}
			return m.kind
		}
	}
	text := kindOfText(start)
	if line, ok := bytes.CutPrefix(start, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		return printable.Escape(strings.TrimSpace(string(line))) + " script, " + text + " executable"
	}
	if trimmed := bytes.TrimSpace(start); len(trimmed) > 1 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed) {
		return "JSON text data"
	}
	return text
}

func kindOfText(start []byte) string {
	if len(start) == 64<<10 { // the last rune may be cut
		start = bytes.TrimRightFunc(start, func(r rune) bool { return r == utf8.RuneError })
	}
	ascii := true
	for _, c := range start {
		if c < 0x20 && !strings.ContainsRune("\t\n\r\f\b\x1b", rune(c)) || c == 0x7f {
			return "data"
		}
		ascii = ascii && c < 0x80
	}
	kind := "ASCII text"
	switch {
	case !ascii && utf8.Valid(start):
		kind = "Unicode text, UTF-8 text"
	case !ascii:
		kind = "ISO-8859 text"
	}
	if bytes.Contains(start, []byte("\r\n")) {
		kind += ", with CRLF line terminators"
	}
	return kind
}

func kindOfELF(r io.ReaderAt) string {
	f, err := elf.NewFile(r)
	if err != nil {
		return "ELF, damaged"
	}
	defer f.Close()
	bits := map[elf.Class]string{elf.ELFCLASS32: "32-bit", elf.ELFCLASS64: "64-bit"}[f.Class]
	order := map[elf.Data]string{elf.ELFDATA2LSB: "LSB", elf.ELFDATA2MSB: "MSB"}[f.Data]
	kind := map[elf.Type]string{elf.ET_EXEC: "executable", elf.ET_DYN: "shared object", elf.ET_REL: "relocatable", elf.ET_CORE: "core file"}[f.Type]
	machine := map[elf.Machine]string{elf.EM_X86_64: "x86-64", elf.EM_AARCH64: "ARM aarch64", elf.EM_386: "Intel 80386", elf.EM_ARM: "ARM", elf.EM_RISCV: "UCB RISC-V"}[f.Machine]
	if machine == "" {
		machine = f.Machine.String()
	}
	link, loader := "statically linked", ""
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_DYNAMIC:
			link = "dynamically linked"
		case elf.PT_INTERP:
			name, _ := io.ReadAll(io.LimitReader(p.Open(), 4096))
			loader = ", interpreter " + printable.Escape(string(bytes.TrimRight(name, "\x00")))
		}
	}
	if f.Type == elf.ET_DYN && loader != "" {
		kind = "pie executable"
	}
	stripped := "stripped"
	if f.Section(".symtab") != nil {
		stripped = "not stripped"
	}
	return fmt.Sprintf("ELF %s %s %s, %s, version 1 (SYSV), %s%s, %s", bits, order, kind, machine, link, loader, stripped)
}
