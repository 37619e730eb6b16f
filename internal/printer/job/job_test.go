package job_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dlx/internal/printer/job"
)

// TestArgs: dlx-print reads what dlx asks for, also if the filter looks like flags.
func TestArgs(t *testing.T) {
	for name, want := range map[string]job.Job{
		"nothing": {},
		"all": {
			Flags: job.Flags{Numbers: 2, Verbose: 3, Clock: 5, Link: true, Quick: true, Absolute: true, Hex: 1, Both: 2, Text: 1},
			Live:  true, Process: true, Copy: true, Count: 1<<64 - 1, Filter: "tcp port 80",
		},
		"one letter":           {Flags: job.Flags{Text: 2}},
		"a filter like flags":  {Filter: "--live -n"},
		"a filter like an end": {Filter: "--"},
	} {
		got, err := job.Parse(want.Args())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestParseRefuses: arguments that nobody has documented are no job.
func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{{"--cont", "1"}, {"--count", "-1"}, {"-Z"}} {
		if j, err := job.Parse(args); err == nil {
			t.Errorf("%v is %+v", args, j)
		}
	}
}
