package linux_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dlx/internal/linux"
)

// TestParseStat: whatever bytes a process's name has, the fields behind it are found.
func TestParseStat(t *testing.T) {
	rest := " Z 7 3 4 5 6 2097152 " + strings.Repeat("1 ", 12) + "99 " + strings.Repeat("0 ", 30)
	for _, comm := range []string{"sh", "a b", ") R 1", "((", "))", ""} {
		s, err := linux.ParseStat([]byte("42 (" + comm + ")" + rest))
		if err != nil || s.Comm != comm || s.Parent() != 7 || !s.Ended() || !s.Kernel() || s.Start() != 99 {
			t.Errorf("%q: %+v, %v", comm, s, err)
		}
	}
	for _, bad := range []string{"", "42", "42 (sh", "42 sh) Z", "42 (sh) Z 7", ")("} {
		if s, err := linux.ParseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, s)
		}
	}
	s, err := linux.StatProcess(os.Getpid())
	if err != nil || s.Parent() != os.Getppid() || s.Start() == 0 || s.Kernel() || s.Ended() {
		t.Errorf("this process: %+v, %v", s, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(fmt.Sprintf("1 (x) S 0 %s", strings.Repeat("1 ", 48))))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if s, err := linux.ParseStat(data); err == nil {
			_, _, _ = s.Parent(), s.Start(), s.Int(39)
		}
	})
}
