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
	"slices"
	"time"
)

// VerifyOptions say what is known of a log from elsewhere.
type VerifyOptions struct {
	// Key was that of an epoch: the log is to have it. Without one, whoever had the host from the
	// beginning could have made all of the log.
	Key *PublicKey
	// Against are lines that a Sink has got, each with anything before it. All are to be in the
	// log.
	Against io.Reader
	// MaxAge is how old the last entry may be at Now; 0 is any age. A writer that runs checkpoints
	// every Options.Heartbeat.
	MaxAge time.Duration
	Now    time.Time
	// Running says that the log's writer runs now. Otherwise the log has to end with its stop.
	Running bool
}

// Verify reads a log and tells of every line that was edited, removed, moved or cut off. An error
// is a log that could not be read.
func Verify(dir fs.FS, o VerifyOptions) (*Report, error) {
	names, err := Files(dir)
	if err != nil {
		return nil, err
	}
	v := &verifier{o: o, dir: dir, report: &Report{Findings: []Finding{}, Notes: []Note{}}}
	if o.Against != nil {
		if v.kept, err = readKept(o.Against); err != nil {
			return nil, err
		}
	}
	v.chain = chain{tell: v.tell, keyed: v.key}
	v.ahead = v.keyFile() // first: a log that is written goes on meanwhile
	for i, name := range names {
		v.file, v.last, v.next = name, i == len(names)-1, ""
		if !v.last {
			v.next = names[i+1]
		}
		if err := v.read(); err != nil {
			return nil, err
		}
	}
	v.finish(len(names))
	return v.report, nil
}

// verifier is one run.
type verifier struct {
	o      VerifyOptions
	dir    fs.FS
	report *Report
	chain  chain
	kept   map[uint64]string // digests of what was kept elsewhere

	file   string
	next   string // file, "" behind the last one
	line   int
	last   bool   // file
	torn   *Torn  // at the end of the file before, if that is not whole
	inTorn bool   // the rest of the file is
	closed bool   // the last entry is a stop
	ahead  uint64 // epoch that the log had come to
}

func (v *verifier) tell(what Fault, seq uint64, format string, args ...any) {
	if what == Missing && v.report.Anchored == seq { // the key that was given is this file's first
		v.note(seq, format, args...)
		return
	}
	v.report.find(Finding{what, v.file, v.line, seq, fmt.Sprintf(format, args...)})
}

func (v *verifier) note(seq uint64, format string, args ...any) {
	v.report.note(Note{v.file, v.line, seq, fmt.Sprintf(format, args...)})
}

// key hears of each key that vouches for what follows.
func (v *verifier) key(key ed25519.PublicKey, seq uint64) {
	if v.report.Key == "" {
		v.report.Key = (&PublicKey{key}).ID()
	}
	if v.o.Key != nil && v.report.Anchored == 0 && v.o.Key.key.Equal(key) {
		v.report.Anchored = seq
	}
}

// read reads one file.
func (v *verifier) read() (err error) {
	l, err := openLines(v.dir, v.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	claimed := v.claim()
	sum := sha256.New()
	for {
		line, err := l.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		v.line = l.number
		if claimed != nil && l.offset >= claimed.Offset || !l.whole {
			v.inTorn = true
			if v.torn == nil {
				v.torn = &Torn{Offset: l.offset}
			}
			v.torn.Bytes += l.next - l.offset
			sum.Write(line)
			if l.whole {
				sum.Write([]byte("\n"))
			}
			continue
		}
		v.take(line)
	}
	if v.line = l.number; l.number == 0 {
		v.tell(Cut, v.chain.seq+1, "the file is empty")
	}
	v.end(claimed, hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// claim is what the next file says of the end of this one, nil if that says it is whole. It counts
// as that file's first line does, which is looked at later.
func (v *verifier) claim() *Torn {
	v.torn, v.inTorn, v.line = nil, false, 0
	if v.next == "" {
		return nil
	}
	l, err := openLines(v.dir, v.next)
	if err != nil {
		return nil
	}
	defer func() { _ = l.close() }() // was only read
	line, err := l.read()
	if err != nil || !l.whole {
		return nil
	}
	e, err := parse(line)
	if err != nil || e.File == nil {
		return nil
	}
	return e.File.Torn
}

// end looks at a file's end.
func (v *verifier) end(claimed *Torn, sum string) {
	seq := v.chain.seq + 1
	switch {
	case claimed == nil && v.torn == nil:
	case claimed != nil && v.torn != nil && v.torn.Offset == claimed.Offset && v.torn.Bytes == claimed.Bytes && sum == claimed.SHA256:
		v.note(seq, "%d bytes of a line that its writer was killed in; nobody was told that it was recorded", claimed.Bytes)
	case claimed != nil:
		v.tell(Edited, seq, "the part of a line at the file's end is not the one that the next file tells of")
	case v.last && v.o.Running:
		v.note(seq, "%d bytes of a line that is being written", v.torn.Bytes)
	default:
		v.tell(Partial, seq, "the line has no end: its writer was killed and has not been started since, or the file was cut")
	}
}

// take looks at a line that is whole.
func (v *verifier) take(line []byte) {
	e := v.chain.take(line)
	if e == nil {
		return
	}
	r := v.report
	if r.First == 0 {
		r.First = e.Seq
	}
	r.Entries++
	if e.Time.Before(r.At) && e.Step == 0 {
		v.note(e.Seq, "its time is before that of the entry before")
	}
	r.Last, r.At, r.Epoch = e.Seq, e.Time, e.Epoch
	named, _ := fileSeq(v.file)
	if first := v.line == 1; first != (e.Kind == KindFile) || first && named != e.Seq {
		v.tell(Moved, e.Seq, "is a %s in line %d of the file for entries from %d on", e.Kind, v.line, named)
	}
	if want, ok := v.kept[e.Seq]; ok {
		if want != digest(line) {
			v.tell(Differs, e.Seq, "is another one than was kept elsewhere")
		}
		delete(v.kept, e.Seq)
	}
	v.tells(e)
}

// tells takes up what an entry says of the log.
func (v *verifier) tells(e *Entry) {
	if e.Step != 0 {
		v.note(e.Seq, "the clock was set by %v", time.Duration(e.Step)*time.Millisecond)
	}
	if e.Checkpoint != nil {
		v.report.Sealed = e.Seq
		if e.Checkpoint.Unsent > 0 {
			v.note(e.Seq, "%d checkpoints have not reached the sink", e.Checkpoint.Unsent)
		}
	}
	if e.Start != nil && e.Start.Killed {
		v.note(e.Seq, "the writer before has not closed the log; %d operations have no end", len(e.Start.Unfinished))
	}
	v.closed = e.Kind == KindStop
}

// finish looks at the log as a whole.
func (v *verifier) finish(files int) {
	r := v.report
	r.Files = files
	r.Stopped = v.closed || v.o.Running
	if files == 0 {
		v.tell(Cut, 1, "there is no file of a log")
		return
	}
	if v.o.Key != nil && r.Anchored == 0 {
		v.tell(Foreign, r.First, "the key that was given, %s, is none of its keys: it is another log, or one made anew", v.o.Key.ID())
	}
	if !r.Stopped && !v.inTorn {
		v.tell(Cut, r.Last+1, "no stop is there: the log was cut off, or its writer was killed and has not been started since, or it runs")
	}
	if v.ahead > v.chain.epoch {
		v.tell(Cut, r.Last+1, "the key beside the log is of epoch %d, and the log ends in epoch %d", v.ahead, v.chain.epoch)
	}
	for _, seq := range slices.Sorted(maps.Keys(v.kept)) {
		if seq >= r.First || r.Anchored != r.First {
			v.tell(Cut, seq, "was kept elsewhere and is not here")
		}
	}
	if v.o.MaxAge > 0 && v.o.Now.Sub(r.At) > v.o.MaxAge {
		v.tell(Silent, r.Last, "is of %s, and nothing was written since", r.At.UTC().Format(time.RFC3339))
	}
}

// keyFile asks the key beside the log, if it is there, how far the log had come at least. 0 is not
// known.
func (v *verifier) keyFile() uint64 {
	data, err := fs.ReadFile(v.dir, KeyName)
	if err != nil {
		return 0 // the log was copied without it, or is not root's to read
	}
	list := slots(data)
	if len(list) == 0 {
		return 0
	}
	lowest := list[0].epoch
	for _, s := range list {
		lowest = min(lowest, s.epoch) // the next epoch's key is there before the checkpoint that names it
		s.forget()
	}
	return lowest
}
