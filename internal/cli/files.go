package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"dlx/capture"
	"dlx/capture/savefile"
	"dlx/internal/outfile"
)

// fileOptions are the flags about capture files; the letters are tcpdump's.
type fileOptions struct {
	format  string
	size    int64 // millions of bytes
	seconds int64
	count   int
	owner   string
}

func (o *fileOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.format, "format", string(savefile.Pcapng), "pcapng or pcap")
	f.Int64VarP(&o.size, "file-size", "C", 0, "begin another file after so many million bytes")
	f.Int64VarP(&o.seconds, "rotate-seconds", "G", 0, "begin another file after so many seconds; the name of -w is a time format, as in web-%H%M%S.pcapng")
	f.IntVarP(&o.count, "file-count", "W", 0, "with -C, overwrite the oldest of so many files; with -G, stop after so many")
	f.StringVarP(&o.owner, "owner", "Z", "", "the user whose files they are to be (default: who called sudo)")
}

// check reports flags that make no sense together.
func (o *fileOptions) check(file string) error {
	rotating := o.size != 0 || o.seconds != 0 || o.count != 0
	switch {
	case o.format != string(savefile.Pcapng) && o.format != string(savefile.Pcap):
		return &usageError{fmt.Errorf("--format is pcapng or pcap, not %q", o.format)}
	case rotating && (file == "" || file == "-"):
		return &usageError{errors.New("-C, -G and -W are for files that -w names")}
	case o.size < 0 || o.seconds < 0 || o.count < 0:
		return &usageError{errors.New("-C, -G and -W are numbers above zero")}
	}
	return nil
}

const million = 1_000_000

// options are what the flags mean for the files of a capture on an interface.
func (o *fileOptions) options(file, iface string) (savefile.Options, error) {
	out := savefile.Options{
		Name: file, Format: savefile.Format(o.format), MaxBytes: o.size * million, Every: time.Duration(o.seconds) * time.Second, Files: o.count,
	}
	if out.Format == savefile.Pcap && (iface == "" || iface == capture.Any) {
		out.Format = savefile.PcapCooked // interfaces of any kind may come
	}
	var err error
	if out.Owner, err = o.findOwner(); err != nil {
		return out, err
	}
	if err := out.Check(); err != nil {
		return out, &usageError{err}
	}
	return out, nil
}

// caller is the number of who called sudo (sudo(8), SUDO_UID), or 0: nobody has.
func caller() (uint32, error) {
	uid := os.Getenv("SUDO_UID")
	if uid == "" || os.Geteuid() != 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return 0, &usageError{fmt.Errorf("SUDO_UID is %q and no number", uid)}
	}
	return uint32(n), nil
}

// findOwner is whom files are given to: the user of -Z, or who called sudo (sudo(8), SUDO_UID).
func (o *fileOptions) findOwner() (*outfile.Owner, error) {
	uid, gid := os.Getenv("SUDO_UID"), os.Getenv("SUDO_GID")
	if o.owner != "" {
		u, err := user.Lookup(o.owner)
		if err != nil {
			return nil, &usageError{fmt.Errorf("-Z: %w", err)}
		}
		uid, gid = u.Uid, u.Gid
	}
	return ownerOf(uid, gid)
}

// sudoOwner is who called sudo and owns the files that are made. It is nil if nobody has.
func sudoOwner() (*outfile.Owner, error) {
	return ownerOf(os.Getenv("SUDO_UID"), os.Getenv("SUDO_GID"))
}

// ownerOf is the owner of two numbers; nil if there is none, or dlx is not root.
func ownerOf(uid, gid string) (*outfile.Owner, error) {
	if uid == "" || os.Geteuid() != 0 {
		return nil, nil
	}
	var owner outfile.Owner
	var err error
	if owner.UID, err = strconv.Atoi(uid); err == nil {
		owner.GID, err = strconv.Atoi(gid)
	}
	if err != nil || owner.UID < 0 || owner.GID < 0 {
		return nil, &usageError{fmt.Errorf("the owner of the files, user %q and group %q, is no number", uid, gid)}
	}
	return &owner, nil
}

// makeFile has f make the file or folder of a name for who called sudo. It is given up when done is
// closed and the file system does not answer.
func makeFile(name string, done <-chan struct{}, f func() error) error {
	owner, err := sudoOwner()
	if err != nil {
		return err
	}
	err = outfile.As(owner, done, f)
	if errors.Is(err, outfile.ErrNoAnswer) {
		err = &os.PathError{Op: "write", Path: name, Err: err}
	}
	return explainPlace(name, err)
}
