package cli

import "github.com/spf13/pflag"

// mostOptions are the flags of `dlx agent` about what all callers have together.
type mostOptions struct {
	sessions, captures int
	ring, rate         byteSize
}

func (o *mostOptions) flags(f *pflag.FlagSet) {
	*o = mostOptions{sessions: 256, captures: 256, ring: 1 << 30}
	f.IntVar(&o.sessions, "most-sessions", o.sessions, "sessions at once, of all callers together; 0 is any number")
	f.IntVar(&o.captures, "most-captures", o.captures, "containers that are captured in at once, by all together; 0 is any number")
	f.Var(&o.ring, "most-ring", "the host's memory that all captures take together")
	f.Var(&o.rate, "most-rate", "bytes a second of output and captures, of all together (default: any number)")
}
