package savefile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"dlx/capture/pcapng"
	"dlx/internal/failpoint"
)

// ErrFull ends a capture whose last file is complete.
var ErrFull = errors.New("the last file is complete")

// WriteError reports a file that could not be written to its end. What is said to be kept is whole.
type WriteError struct {
	Name string
	Kept int64 // bytes of the file that are kept
	Err  error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("write %s: %v: the %d bytes up to there are kept", e.Name, e.Err, e.Kept)
}
func (e *WriteError) Unwrap() error { return e.Err }

// Figures are what went into files so far.
type Figures struct {
	Packets, Bytes, Dropped uint64
	Files                   int
}

// Writer writes a capture to files. Figures is for any goroutine, the other methods are for one.
type Writer struct {
	o       Options
	now     func() time.Time
	place   place
	file    *file
	number  int       // of the file, from 0
	files   int       // that were begun
	ends    time.Time // when the next one is due
	pieces  pieces
	head    head // what each file begins with
	convert *converter
	err     error // that ended it

	packets, bytes, dropped atomic.Uint64
	begun                   atomic.Int64
}

// Open makes the first file, unless the stream goes elsewhere. It refuses a file that is not
// regular, has several names, or is reached by a symbolic link: ErrNotRegular, ErrHardLinks,
// ErrLink. In a sticky directory another user's file is ErrOthers.
func Open(o Options) (*Writer, error) { return open(o, time.Now) }

func open(o Options, now func() time.Time) (*Writer, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	w := &Writer{o: o, now: now}
	if o.Format != Pcapng && o.Format != "" {
		w.convert = &converter{cooked: o.Format == PcapCooked}
	}
	if err := w.next(now()); err != nil {
		return nil, errors.Join(err, w.place.close())
	}
	if o.Every > 0 {
		w.ends = now().Add(o.Every)
	}
	return w, nil
}

// next makes the next file.
func (w *Writer) next(at time.Time) (err error) {
	if w.file, err = w.create(w.number, at); err != nil {
		return err
	}
	w.files++
	failpoint.At("savefile.created")
	w.begun.Store(int64(w.files))
	return nil
}

// Figures are what was written so far.
func (w *Writer) Figures() Figures {
	return Figures{Packets: w.packets.Load(), Bytes: w.bytes.Load(), Dropped: w.dropped.Load(), Files: int(w.begun.Load())}
}

// Begin does nothing: the first file is there. A Writer is a sink of package capture.
func (w *Writer) Begin() error { return w.err }

// Blocks takes whole blocks, some of which are packets, and how many packets were lost since those
// before. They are not looked at if all go as they are into the file that is open.
func (w *Writer) Blocks(b []byte, packets, dropped uint64) error {
	if w.err != nil {
		return w.err
	}
	w.dropped.Add(dropped)
	if w.o.rotates() {
		w.err = w.split(b)
	} else {
		w.err = w.put(b, packets)
	}
	return w.err
}

// split writes whole blocks, each into the file that it belongs to.
func (w *Writer) split(b []byte) error {
	done, pending := 0, 0 // where the next block begins, and what goes into this file
	packets := uint64(0)
	for done < len(b) {
		block, err := pcapng.First(b[done:])
		if err != nil || block == nil {
			return notStream(cmp.Or(err, io.ErrUnexpectedEOF))
		}
		if block.Kind() == pcapng.PacketBlock {
			p, err := block.Packet()
			if err != nil {
				return notStream(err)
			}
			if at := time.Unix(0, int64(p.Time)); w.due(at, int64(done-pending)) {
				if err := errors.Join(w.put(b[pending:done], packets), w.rotate(at)); err != nil {
					return err
				}
				pending, packets = done, 0
			}
			w.head.count(p.Interface)
			packets++
		} else {
			w.note(block)
		}
		done += len(block)
	}
	return w.put(b[pending:done], packets)
}

// due says whether a packet belongs into the next file. Before it, some bytes are still unwritten.
func (w *Writer) due(at time.Time, before int64) bool {
	return w.o.MaxBytes > 0 && w.file.size+before > w.o.MaxBytes || w.o.Every > 0 && !at.Before(w.ends)
}

// rotate completes the file and begins the next one, for a packet.
func (w *Writer) rotate(at time.Time) error {
	w.number++
	if w.o.Every > 0 && !at.Before(w.ends) {
		w.number = 0
		w.ends = w.ends.Add(at.Sub(w.ends).Truncate(w.o.Every) + w.o.Every)
		if w.o.MaxBytes == 0 && w.o.Files > 0 && w.files >= w.o.Files {
			return errors.Join(ErrFull, w.finish(&at))
		}
	}
	if err := w.finish(&at); err != nil {
		return err
	}
	failpoint.At("savefile.finished")
	if err := w.next(at); err != nil {
		return err
	}
	if w.convert != nil {
		w.convert.begun = false
		return nil
	}
	return w.write(w.head.bytes())
}

// put writes whole blocks, some of which are packets.
func (w *Writer) put(b []byte, packets uint64) error {
	if len(b) == 0 {
		return nil
	}
	if w.convert != nil {
		var err error
		if b, err = w.convert.blocks(b); err != nil {
			return err
		}
	}
	if err := w.write(b); err != nil {
		return err
	}
	w.packets.Add(packets)
	return nil
}

func (w *Writer) write(b []byte) error {
	n, err := w.file.write(b, w.convert != nil)
	w.bytes.Add(uint64(n))
	return err
}

// finish completes the file, and its bytes are then on the disk. With rotated, when the next one
// begins or would, the file gets its interfaces' figures. The stream's end has them anyway.
func (w *Writer) finish(rotated *time.Time) error {
	f := w.file
	if w.file = nil; f == nil {
		return nil
	}
	var err error
	if rotated != nil && w.convert == nil {
		var n int
		n, err = f.write(w.head.statistics(*rotated), false)
		w.bytes.Add(uint64(n))
	}
	return errors.Join(err, f.close())
}

// Close completes the last file. A block of which only the beginning has come is left out.
func (w *Writer) Close() error { return errors.Join(w.finish(nil), w.place.close()) }
