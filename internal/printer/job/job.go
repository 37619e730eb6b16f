package job

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Program is the name of the program that does a Job.
const Program = "dlx-print"

// Job says what to do with the packets of a capture, which is read from standard input.
type Job struct {
	Flags   Flags
	Live    bool   // the capture goes on: Ctrl-C does not end it, and it may never begin
	Process bool   // print whose packets they are, whoever wrote the capture
	Copy    bool   // write pcapng instead of printing
	Count   uint64 // of packets, at most; 0 for no limit
	Filter  string // which packets, in the language of pcap-filter(7)
}

// Args are the arguments that Parse makes the same Job of.
func (j *Job) Args() []string {
	args := j.Flags.args()
	for _, f := range []struct {
		name string
		set  bool
	}{{"live", j.Live}, {"process", j.Process}, {"copy", j.Copy}} {
		if f.set {
			args = append(args, "--"+f.name)
		}
	}
	return append(args, "--count", strconv.FormatUint(j.Count, 10), "--", j.Filter)
}

// Parse reads a Job from arguments.
func Parse(args []string) (*Job, error) {
	var j Job
	f := pflag.NewFlagSet(Program, pflag.ContinueOnError)
	f.Usage = func() {}
	j.Flags.Define(f)
	f.BoolVar(&j.Live, "live", false, "")
	f.BoolVar(&j.Process, "process", false, "")
	f.BoolVar(&j.Copy, "copy", false, "")
	f.Uint64Var(&j.Count, "count", 0, "")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	j.Filter = strings.Join(f.Args(), " ")
	return &j, nil
}
