package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/outfile"
)

// dirFS reads the log's directory, which is held, as fs.FS.
type dirFS struct{ dir *linux.FD }

func (d dirFS) Open(name string) (fs.File, error) {
	if name == "." {
		fd, err := linux.OpenDirAt(d.dir, ".")
		if err != nil {
			return nil, err
		}
		return fd.File("."), nil
	}
	fd, err := openOwn(d.dir, name, func(dir *linux.FD, name string) (*linux.FD, error) {
		return linux.OpenBeneath(dir, name, linux.ORead|linux.ONonblock|linux.ONoctty)
	})
	if err != nil {
		return nil, err
	}
	return fd.File(name), nil
}

// openWriter opens a log, or makes it, and notes that.
func openWriter(dir string, o *Options) (_ *writer, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	w := &writer{o: o, open: map[string]bool{}, clock: clock{o: o}, sink: newSender(o)}
	w.store.dirName = dir
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.store.dir, err = outfile.Private(dir); err != nil {
		return nil, err
	}
	if w.lock, err = takeLock(w.store.dir); err != nil {
		return nil, err
	}
	if w.host, err = os.Hostname(); err != nil {
		return nil, err
	}
	if err := removeTemp(w.store.dir); err != nil {
		return nil, err
	}
	names, err := Files(dirFS{w.store.dir})
	if err != nil {
		return nil, err
	}
	killed := false
	if len(names) == 0 {
		err = w.create()
	} else {
		killed, err = w.resume(names)
	}
	if err != nil {
		return nil, err
	}
	return w, w.start(killed)
}

// create makes the first file.
func (w *writer) create() error {
	_, err := linux.StatAt(w.store.dir, KeyName)
	switch {
	case errors.Is(err, linux.ErrNotExist):
		if w.keys, err = createKey(w.store.dir); err != nil {
			return fmt.Errorf("make the log's key: %w", err)
		}
	case err != nil:
		return err
	default: // its maker was killed before it made a file
		if w.keys, err = openKey(w.store.dir, &chain{epoch: 1}); err != nil {
			return err
		}
	}
	return w.rotate(nil)
}

// resume goes on with the last file. It says whether its writer has not closed it.
func (w *writer) resume(names []string) (killed bool, err error) {
	s := &scan{open: map[string]bool{}}
	if err := s.read(w.store.dir, names); err != nil {
		return false, err
	}
	if w.keys, err = openKey(w.store.dir, &s.chain); err != nil {
		return false, err
	}
	w.seq, w.prev, w.open = s.chain.seq, s.chain.prev, s.open
	w.clock.wall, w.clock.mono, w.clock.restored = s.last.Time, w.o.mono(), true
	if s.torn != nil {
		return true, w.rotate(s.torn)
	}
	w.store.name = names[len(names)-1]
	if w.store.fd, err = openOwn(w.store.dir, w.store.name, linux.OpenAppendAt); err != nil {
		return false, err
	}
	if err := w.store.look(); err != nil {
		return false, err
	}
	w.store.size, w.begun = w.store.seen.Size, w.o.mono()
	w.store.room = w.store.size
	return s.last.Kind != KindStop, nil
}

// scan reads the last file of a log.
type scan struct {
	chain chain
	open  map[string]bool
	last  *Entry
	torn  *Torn
}

// read wants all lines to be as they were written, but for the last one, which its writer can have
// been killed in.
func (s *scan) read(dir *linux.FD, names []string) error {
	var bad error
	name := names[len(names)-1]
	s.chain.keyed = func(ed25519.PublicKey, uint64) {}
	s.chain.tell = func(what Fault, seq uint64, format string, args ...any) {
		if what != Missing && bad == nil { // earlier files may be kept elsewhere
			bad = fmt.Errorf("%w: %s: entry %d: %s", ErrTampered, name, seq, fmt.Sprintf(format, args...))
		}
	}
	err := eachLine(dir, name, func(l *lines, line []byte) (bool, error) {
		if l.whole && !slices.Contains(line, 0) { // a disk without power leaves bytes of 0
			e := s.chain.take(line)
			if bad == nil && (l.number == 1) != (e.Kind == KindFile && e.File != nil) {
				s.chain.tell(Moved, e.Seq, "is a %s in line %d", e.Kind, l.number)
			}
			if bad != nil {
				return false, bad
			}
			s.note(e)
			return true, nil
		}
		s.torn = &Torn{Offset: l.offset}
		return false, nil
	})
	if err != nil {
		return err
	}
	if s.last == nil {
		return fmt.Errorf("%w: %s has no whole line", ErrTampered, name)
	}
	if s.torn != nil {
		if err := s.torn.measure(dir, name); err != nil {
			return err
		}
	}
	return s.joined(dir, names)
}

// note takes up what an entry says of operations.
func (s *scan) note(e *Entry) {
	switch e.Kind {
	case KindFile:
		for _, id := range e.File.Open {
			s.open[id] = true
		}
	case KindStart:
		clear(s.open)
	case KindBegin:
		s.open[e.ID] = true
	case KindEnd:
		delete(s.open, e.ID)
	}
	s.last = e
}

// joined wants the last file to follow from the one before.
func (s *scan) joined(dir *linux.FD, names []string) error {
	if len(names) < 2 {
		return nil
	}
	var first *Entry
	err := eachLine(dir, names[len(names)-1], func(_ *lines, line []byte) (bool, error) {
		first, _ = parse(line)
		return false, nil
	})
	if err == nil && (first == nil || first.File == nil) { // read has seen it otherwise
		err = ErrTampered
	}
	if err != nil {
		return err
	}
	var end string
	err = eachLine(dir, names[len(names)-2], func(l *lines, line []byte) (bool, error) {
		if first.File.Torn != nil && l.offset >= first.File.Torn.Offset {
			return false, nil
		}
		end = digest(line)
		return true, nil
	})
	if err == nil && end != first.Prev {
		err = fmt.Errorf("%w: %s does not follow from %s", ErrTampered, names[len(names)-1], names[len(names)-2])
	}
	return err
}

// eachLine calls f with each line of a file, until that returns false.
func eachLine(dir *linux.FD, name string, f func(*lines, []byte) (bool, error)) (err error) {
	l, err := openLines(dirFS{dir}, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for {
		line, err := l.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err := f(l, line); err != nil || !more {
			return err
		}
	}
}

// maxTorn bounds what is taken for the part of a batch of lines.
const maxTorn = maxBatch * maxLine

// measure completes what is told of a file's end.
func (t *Torn) measure(dir *linux.FD, name string) error {
	fd, err := openOwn(dir, name, linux.OpenAt)
	if err != nil {
		return err
	}
	defer fd.Close()
	st, err := linux.Fstat(fd)
	if err != nil {
		return err
	}
	if t.Bytes = st.Size - t.Offset; t.Bytes > maxTorn {
		return fmt.Errorf("%w: %s has %d bytes behind its last line", ErrTampered, name, t.Bytes)
	}
	text := make([]byte, t.Bytes)
	if _, err := linux.ReadAt(fd, text, t.Offset); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	t.SHA256 = hex.EncodeToString(sum[:])
	return nil
}

// rotate begins the next file. Without room for that, nothing has changed.
func (w *writer) rotate(torn *Torn) error {
	d := w.draft()
	head := Entry{Kind: KindFile, File: &File{
		Host: w.host, Key: publicText(w.keys.now.public()), Open: slices.Sorted(maps.Keys(w.open)), Torn: torn,
	}}
	if _, err := d.add(head, maxHead); err != nil {
		return err
	}
	next := store{dirName: w.store.dirName, dir: w.store.dir, name: fileName(d.seq)}
	err := createWhole(next.dir, next.name, func(fd *linux.FD) error {
		next.fd = fd
		if err := next.reserve(int64(len(d.text)) + d.after()); err != nil {
			return err
		}
		_, err := linux.Write(fd, d.text)
		return err
	})
	if err != nil {
		if errors.Is(err, linux.ErrNoSpace) || errors.Is(err, linux.ErrQuota) {
			err = fmt.Errorf("%w: %w", ErrFull, err)
		}
		return fmt.Errorf("make %s: %w", next.name, err)
	}
	failpoint.At("audit.rotated")
	if next.fd, err = linux.OpenAppendAt(next.dir, next.name); err != nil {
		return err
	}
	next.size = int64(len(d.text))
	if err := next.look(); err != nil {
		return errors.Join(err, next.fd.Close())
	}
	old := w.store
	w.store, w.seq, w.prev, w.begun = next, d.seq, d.prev, w.o.mono()
	w.fresh++
	if old.fd != nil {
		return errors.Join(old.trim(), old.fd.Close())
	}
	return nil
}

// start notes that the log was opened, and seals that.
func (w *writer) start(killed bool) error {
	boot, err := linux.BootID()
	if err != nil {
		return err
	}
	e := Entry{Kind: KindStart, Start: &Start{
		Program: w.o.Program, Boot: boot, PID: os.Getpid(), Killed: killed, Unfinished: slices.Sorted(maps.Keys(w.open)),
	}}
	clear(w.open)
	if err := w.store.reserve(maxHead + reserveRest + maxEnd); err != nil {
		return err
	}
	d := w.draft()
	if _, err := d.add(e, maxHead); err != nil {
		return err
	}
	_ = w.put(d, true) // a sink that has not taken it has not taken what begins, either
	return w.fail
}

// stop notes that the log is closed. Its line is a checkpoint, too.
func (w *writer) stop() error {
	if err := w.store.check(); err != nil {
		return err
	}
	next, err := w.keys.prepare()
	if err != nil {
		return err
	}
	d := w.draft()
	line, err := d.add(w.checkpoint(KindStop, next), maxEnd)
	if err != nil {
		return err
	}
	_ = w.write(d, next, line) // counted in unsent
	if w.fail != nil {
		return w.fail
	}
	return w.store.trim()
}

func (w *writer) close() error {
	w.sink.close()
	var err error
	if w.keys != nil {
		err = w.keys.close()
	}
	return errors.Join(err, w.store.close(), w.lock.Close())
}
