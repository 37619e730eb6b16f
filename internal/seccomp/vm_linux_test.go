package seccomp_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"

	"dlx/internal/linux"
	"dlx/internal/seccomp"
	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// call is a system call as a filter sees it (struct seccomp_data of linux/seccomp.h).
type call struct {
	audit, nr uint32
	args      [6]uint64
}

// machines are the architectures that there are programs for, and their ABIs by Go's name.
var machines = map[string]map[string]uint32{
	"amd64": {"amd64": linux.AuditAMD64, "386": linux.Audit386},
	"arm64": {"arm64": linux.AuditARM64, "arm": linux.AuditARM},
}

// Verdicts of the profile.
const (
	kill   = linux.SeccompKill
	eperm  = linux.SeccompErrno | uint32(syscall.EPERM)
	enosys = linux.SeccompErrno | uint32(syscall.ENOSYS)
	allow  = linux.SeccompAllow
)

// vm runs a filter. The interpreter reads network byte order, the kernel its own. So words are laid
// out in network order, the lower half of an argument first, as on a little-endian machine.
type vm struct{ *bpf.VM }

func newVM(t *testing.T, program linux.SeccompProgram) vm {
	t.Helper()
	code, _ := bpf.Disassemble(program)
	machine, err := bpf.NewVM(code)
	if err != nil {
		t.Fatal(err)
	}
	return vm{machine}
}

func (v vm) verdict(t *testing.T, c call) uint32 {
	t.Helper()
	data := binary.BigEndian.AppendUint32(nil, c.nr)
	data = binary.BigEndian.AppendUint32(data, c.audit)
	data = append(data, make([]byte, 8)...) // the instruction pointer
	for _, arg := range c.args {
		data = binary.BigEndian.AppendUint32(data, uint32(arg))
		data = binary.BigEndian.AppendUint32(data, uint32(arg>>32))
	}
	n, err := v.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// generated reads a program of any architecture from the folder that is embedded.
func generated(t *testing.T, goarch string, v seccomp.Variant) linux.SeccompProgram {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("programs", goarch, string(v)+".bpf"))
	if err != nil {
		t.Fatal(err)
	}
	var program linux.SeccompProgram
	for ; len(raw) > 0; raw = raw[8:] {
		program = append(program, bpf.RawInstruction{Op: uint16(raw[0]) | uint16(raw[1])<<8, Jt: raw[2], Jf: raw[3],
			K: uint32(raw[4]) | uint32(raw[5])<<8 | uint32(raw[6])<<16 | uint32(raw[7])<<24})
	}
	return program
}

var sysConst = regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`)

// callNames reads an ABI's table in golang.org/x/sys: names by number.
func callNames(t *testing.T, goarch string) map[uint32][]string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix/zsysnum_linux_"+goarch+".go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[uint32][]string{}
	for _, m := range sysConst.FindAllStringSubmatch(string(data), -1) {
		nr, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		names[uint32(nr)] = append(names[uint32(nr)], strings.ToLower(m[1]))
	}
	if goarch == "arm" { // arch/arm/include/uapi/asm/unistd.h
		names[0xf0001], names[0xf0002], names[0xf0005] = []string{"breakpoint"}, []string{"cacheflush"}, []string{"set_tls"}
	}
	if len(names) < 300 {
		t.Fatalf("%d calls in the table of %s", len(names), goarch)
	}
	return names
}

// numbers are those of every call there is, and of many that there are not.
func numbers() []uint32 {
	var list []uint32
	for _, start := range []uint32{0, 0xf0000, 0x3ffffff0, 0x40000000, 0x7ffffff0, 0xfffffff0} {
		for nr := start; nr-start < 600 && nr >= start; nr++ {
			list = append(list, nr)
		}
	}
	return list
}

func verdictName(v uint32) string {
	switch v {
	case kill:
		return "kill"
	case eperm:
		return "EPERM"
	case enosys:
		return "ENOSYS"
	case allow:
		return "allow"
	}
	return fmt.Sprintf("%#x", v)
}
