package savefile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lestrrat-go/strftime"
)

// Format is a kind of capture file.
type Format string

// The formats. Pcap has one link type in a file: with Cooked, every packet gets the header
// LINKTYPE_LINUX_SLL2.
const (
	Pcapng     Format = "pcapng"
	Pcap       Format = "pcap"
	PcapCooked Format = "pcap-cooked"
)

// Options say where a capture goes. Zero values are the defaults; the letters are tcpdump's.
type Options struct {
	Name     string        // -w; with Every, a time format (strftime(3))
	To       io.Writer     // where the stream goes in place of files, such as a pipe: whole blocks, or records of pcap; the caller closes it
	Format   Format        // Pcapng
	MaxBytes int64         // -C: of a file, after which comes the next one
	Every    time.Duration // -G: how long a file lasts
	Files    int           // -W: with MaxBytes, how many there are, the oldest of which is overwritten; with Every alone, the last one ends the capture
	Owner    *Owner        // who makes the files; whoever runs it
	// Done says, once closed, that no file system is waited for: a silent one is ErrNoAnswer.
	Done <-chan struct{}
}

// rotates says whether there may be more than one file.
func (o *Options) rotates() bool { return o.MaxBytes > 0 || o.Every > 0 }

// Check reports options that make no sense together.
func (o *Options) Check() error {
	switch {
	case o.To != nil && o.rotates():
		return errors.New("a limit for files where there are none")
	case o.MaxBytes < 0 || o.Every < 0 || o.Files < 0:
		return errors.New("a limit below zero")
	case o.Files > 0 && !o.rotates():
		return errors.New("a number of files without a limit for one")
	case o.Every > 0 && o.Every < time.Second:
		return errors.New("files of less than a second")
	case o.Every > 0 && !strings.Contains(o.Name, "%"):
		return errors.New("files by time need a time in their name, such as %H%M%S, or each would overwrite the one before")
	}
	_, err := o.name(0, time.Now())
	return err
}

// name is that of file number n, as tcpdump names them. With a limit to the files, a padded number
// from 0 is appended. Without one, the first has no number, and the next ones count from 1.
func (o *Options) name(n int, now time.Time) (string, error) {
	name := o.Name
	if o.Every > 0 {
		var err error
		if name, err = strftime.Format(name, now, strftime.WithUnixSeconds('s')); err != nil {
			return "", fmt.Errorf("file name %q: %w", o.Name, err)
		}
	}
	switch {
	case o.MaxBytes == 0:
	case o.Files > 0:
		return fmt.Sprintf("%s%0*d", name, len(strconv.Itoa(o.Files-1)), n%o.Files), nil
	case n > 0:
		return name + strconv.Itoa(n), nil
	}
	return name, nil
}
