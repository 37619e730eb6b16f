package cli

import (
	"time"

	"github.com/spf13/pflag"

	"dlx/agent/captures"
)

// captureLimits are the flags of `dlx agent` about captures that go on without their clients.
type captureLimits struct {
	user, all, keepSize, free byteSize
	keep                      time.Duration
}

func (l *captureLimits) flags(f *pflag.FlagSet) {
	d := captures.Defaults
	*l = captureLimits{byteSize(d.UserBytes), byteSize(d.Bytes), byteSize(d.MaxSize), byteSize(d.Free), d.MaxAge}
	f.Var(&l.user, "captures-user", "how much of the disk the detached captures of a user take at most")
	f.Var(&l.all, "captures-all", "how much all of them take at most")
	f.Var(&l.free, "captures-free", "how much of the disk they leave")
	f.DurationVar(&l.keep, "captures-keep", l.keep, "how long they are kept once they have ended")
	f.Var(&l.keepSize, "captures-keep-size", "how large all of them become before the oldest that have ended go")
}

func (l *captureLimits) limits() captures.Limits {
	d := captures.Defaults
	d.UserBytes, d.Bytes, d.Free, d.MaxAge, d.MaxSize = int64(l.user), int64(l.all), int64(l.free), l.keep, int64(l.keepSize)
	return d
}
