package filter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dlx/capture/filter"
)

// kernelRefuses says why the kernel's checker would refuse a program, or nothing: bpf_check_classic
// and check_load_and_stores in net/core/filter.c.
func kernelRefuses(m machine) string {
	if len(m) == 0 || len(m) > 4096 {
		return fmt.Sprintf("%d instructions", len(m))
	}
	valid := make([]uint32, len(m)+1)
	for i := range valid {
		valid[i] = 0xffff
	}
	now := uint32(0)
	for pc, i := range m {
		now &= valid[pc]
		left := len(m) - pc - 1
		switch {
		case i.Op == 0x02 || i.Op == 0x03:
			if i.K > 15 {
				return "a store outside of the scratch memory"
			}
			now |= 1 << i.K
		case i.Op == 0x60 || i.Op == 0x61:
			if i.K > 15 || now>>i.K&1 == 0 {
				return fmt.Sprintf("%d loads M[%d] before it is stored", pc, i.K)
			}
		case i.Op == 0x34 && i.K == 0, i.Op == 0x94 && i.K == 0:
			return "a division by zero"
		case (i.Op == 0x64 || i.Op == 0x74) && i.K > 31:
			return "a shift by more than 31"
		case i.Op&0xe7 == 0x20 && i.K >= 1<<31 && (i.K < 0xfffff000 || i.K > 0xfffff03c):
			return "a load at a negative offset"
		case i.Op == 0x05:
			if i.K >= uint32(left) {
				return "a jump behind the end"
			}
			valid[pc+1+int(i.K)] &= now
			now = 0xffff
		case i.Op&7 == 5:
			if int(i.Jt) >= left || int(i.Jf) >= left {
				return "a jump behind the end"
			}
			valid[pc+1+int(i.Jt)] &= now
			valid[pc+1+int(i.Jf)] &= now
			now = 0xffff
		}
	}
	if last := m[len(m)-1]; last.Op&7 != 6 {
		return "it does not end with a return"
	}
	return ""
}

// checkError checks an Error's place and texts.
func checkError(t *testing.T, expr string, err error) {
	t.Helper()
	var ferr *filter.Error
	if !errors.As(err, &ferr) {
		t.Errorf("%.60q: error %v, want *filter.Error", expr, err)
		return
	}
	if ferr.Pos < 0 || ferr.End < ferr.Pos || ferr.End > len(expr) || ferr.Msg == "" || ferr.Hint() == "" || !strings.Contains(ferr.Caret(), "\n") || !strings.Contains(ferr.Caret(), "^") {
		t.Errorf("%.60q: place %d to %d, %q", expr, ferr.Pos, ferr.End, ferr.Msg)
	}
}
