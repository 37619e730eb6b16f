package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"dlx/internal/linux"
)

// abi is one of the ways in which a machine's programs call the kernel.
type abi struct {
	goarch string // names the table of numbers in golang.org/x/sys
	audit  uint32 // AUDIT_ARCH_* of linux/audit.h, which seccomp_data.arch is
}

// machine is a kernel's architecture, with the ABIs that Docker's profile maps it to. x32 is left
// out: its calls have amd64's audit number and a bit that makes them newer than all others.
type machine struct {
	goarch string
	abis   []abi
}

var machines = []machine{
	{"amd64", []abi{{"amd64", linux.AuditAMD64}, {"386", linux.Audit386}}},
	{"arm64", []abi{{"arm64", linux.AuditARM64}, {"arm", linux.AuditARM}}},
}

// armPrivate is where the numbers of 32-bit ARM's own calls begin
// (arch/arm/include/uapi/asm/unistd.h, __ARM_NR_BASE); golang.org/x/sys does not list them.
const armPrivate = 0x0f0000

var armNumbers = map[string]uint32{"breakpoint": armPrivate + 1, "cacheflush": armPrivate + 2, "set_tls": armPrivate + 5}

// unnumbered are names in the profile that no table here has: one is RISC-V's, the other a second
// name that libseccomp gives arm_sync_file_range.
var unnumbered = map[string]bool{"riscv_hwprobe": true, "sync_file_range2": true}

// table is the numbers of one ABI's calls by name.
type table map[string]uint32

// numbers reads the tables of the machine's ABIs, in their order.
func (m machine) numbers() ([]table, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		return nil, fmt.Errorf("find the source of golang.org/x/sys: %w", err)
	}
	var tables []table
	for _, a := range m.abis {
		file := filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+a.goarch+".go")
		t, err := readTable(file)
		if err != nil {
			return nil, err
		}
		if a.goarch == "arm" {
			maps.Copy(t, armNumbers)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// readTable reads the constants of a file: SYS_NAME = NUMBER.
func readTable(path string) (table, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	t := table{}
	for _, decl := range file.Decls {
		consts, ok := decl.(*ast.GenDecl)
		if !ok || consts.Tok != token.CONST {
			continue
		}
		for _, spec := range consts.Specs {
			value := spec.(*ast.ValueSpec)
			name, ok := strings.CutPrefix(value.Names[0].Name, "SYS_")
			literal, isLiteral := value.Values[0].(*ast.BasicLit)
			if !ok || !isLiteral {
				return nil, fmt.Errorf("%s: %s is not the number of a call", path, value.Names[0].Name)
			}
			nr, err := strconv.ParseUint(literal.Value, 0, 32)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			t[strings.ToLower(name)] = uint32(nr)
		}
	}
	return t, nil
}

// allKnown fails for a name that has no number at all, lest a misspelt one be forbidden unseen.
func allKnown(tables []table, rules []specs.LinuxSyscall) error {
	for _, r := range rules {
		for _, name := range r.Names {
			known := slices.ContainsFunc(tables, func(t table) bool { _, ok := t[name]; return ok })
			if !known && !unnumbered[name] {
				return fmt.Errorf("no number for the call %s", name)
			}
		}
	}
	return nil
}
