package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Filter chooses entries; the zero value, all of them.
type Filter struct {
	Since, Until time.Time // until excluded
	User         string
	Target       string // a name, or the beginning of an ID
	Verb         string
	ID           string // of an operation, or its beginning
}

// match says whether an entry is chosen. The end of an operation is if its begin was, and what ran.
func (f *Filter) match(e *Entry) bool {
	switch {
	case !f.Since.IsZero() && e.Time.Before(f.Since), !f.Until.IsZero() && !e.Time.Before(f.Until):
		return false
	case f.User != "" && (e.Who == nil || e.Who.User != f.User):
		return false
	case f.Target != "" && (e.Target == nil || e.Target.Name != f.Target && !strings.HasPrefix(e.Target.ID, f.Target)):
		return false
	case f.Verb != "" && e.Verb != f.Verb:
		return false
	}
	return strings.HasPrefix(e.ID, f.ID) // work has more than one operation: ID.2
}

// Read calls f with each entry that a filter chooses, in order. It proves nothing: Verify does. A
// line that can not be read is passed over; their number is returned.
func Read(dir fs.FS, filter Filter, f func(*Entry) error) (bad int, err error) {
	names, err := Files(dir)
	if err != nil {
		return 0, err
	}
	begun := map[string]bool{} // operations that were chosen
	for _, name := range names {
		n, err := readFile(dir, name, func(e *Entry) error {
			chosen := filter.match(e)
			if e.ID != "" && e.Kind == KindBegin && chosen {
				begun[e.ID] = true
			}
			if (e.Kind == KindEnd || e.Kind == KindRan) && begun[e.ID] {
				chosen = true
			}
			if e.Kind == KindEnd {
				delete(begun, e.ID)
			}
			if !chosen {
				return nil
			}
			return f(e)
		})
		bad += n
		if err != nil {
			return bad, err
		}
	}
	return bad, nil
}

func readFile(dir fs.FS, name string, f func(*Entry) error) (bad int, err error) {
	l, err := openLines(dir, name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for {
		line, err := l.read()
		if errors.Is(err, io.EOF) {
			return bad, nil
		}
		if err != nil {
			return bad, fmt.Errorf("read the audit log: %w", err)
		}
		e, err := parse(line)
		if err != nil {
			bad++
			continue
		}
		if err := f(e); err != nil {
			return bad, err
		}
	}
}

// FirstKey is the key of the oldest epoch that a log has, by its own word.
func FirstKey(dir fs.FS) (*PublicKey, error) {
	names, err := Files(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("read the audit log: %w", fs.ErrNotExist)
	}
	l, err := openLines(dir, names[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.close() }() // was only read
	line, err := l.read()
	if err == nil {
		if e, perr := parse(line); perr == nil && e.File != nil {
			if key := publicKey(e.File.Key); key != nil {
				return &PublicKey{key}, nil
			}
		}
	}
	return nil, fmt.Errorf("read the audit log: %s names no key", names[0])
}
