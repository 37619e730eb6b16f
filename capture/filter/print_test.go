package filter_test

import (
	"context"
	"os/exec"
	"slices"
	"testing"
	"time"

	"dlx/capture/filter"
	"dlx/internal/testutil"
)

// TestPrinted compares the three forms of a program with tcpdump's.
func TestPrinted(t *testing.T) {
	tcpdump := testutil.RequireTool(t, "tcpdump")
	libpcap := startLibpcap(t, buildLibpcap(t))
	opts := options(t, "EN10MB")
	list := readList(t, "expressions.txt")
	n := 0
	for i := 0; i < len(list); i += 12 {
		p, err := filter.Compile(list[i], opts)
		if err != nil {
			t.Error(err)
			continue
		}
		theirs, err := libpcap.compile("EN10MB", list[i])
		if err != nil {
			t.Fatal(err)
		}
		same := slices.Equal(theirs, machine(p.Raw()))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		for form, got := range map[string]string{"-d": p.String(), "-dd": p.C(), "-ddd": p.Decimal()} {
			want, err := exec.CommandContext(ctx, tcpdump, form, "-y", "EN10MB", "--", list[i]).Output()
			if err != nil {
				t.Errorf("tcpdump %s %q: %v", form, list[i], err)
			}
			if !same {
				continue // another program, as for protochain
			}
			if n++; got != string(want) {
				t.Errorf("%s of %q:\n%s\nwant\n%s", form, list[i], got, want)
			}
		}
		cancel()
	}
	if n < 300 {
		t.Errorf("only %d forms compared", n)
	}
}
