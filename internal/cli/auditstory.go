package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dlx/internal/printable"
	"dlx/record/audit"
)

// operation is the one operation whose ID begins with a text, or is that very one.
func operation(read readRecord, beginning string) (string, error) {
	const several = 10
	var ids []string
	_, err := read(audit.Filter{ID: beginning}, func(e *audit.Entry) error {
		switch {
		case e.Kind != audit.KindBegin || slices.Contains(ids, e.ID):
		case e.ID == beginning:
			ids = []string{e.ID}
			return errFound
		case len(ids) < several:
			ids = append(ids, e.ID)
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errFound):
		return "", err
	case len(ids) == 0:
		return "", fmt.Errorf("the record has no operation %s", printable.Escape(beginning))
	case len(ids) > 1:
		return "", fmt.Errorf("several operations begin with %s: %s", printable.Escape(beginning), printable.Escape(strings.Join(ids, ", ")))
	}
	return ids[0], nil
}

// errFound ends a reading.
var errFound = errors.New("found")

// story is an operation's.
type story struct {
	begin, end *audit.Entry
	programs   []audit.Program
	place      map[uint64]int // in programs, by their numbers
	leftOut    uint64
	changes    *audit.Changes
}

// take adds an entry.
func (s *story) take(e *audit.Entry) error {
	switch e.Kind {
	case audit.KindBegin:
		s.begin = e
	case audit.KindEnd:
		s.end = e
	}
	if e.Ran == nil {
		return nil
	}
	for _, p := range e.Ran.Programs {
		s.place[p.N] = len(s.programs)
		s.programs = append(s.programs, p)
	}
	for _, one := range e.Ran.Ended {
		if i, ok := s.place[one.N]; ok {
			s.programs[i].Status = &one.Status
		}
	}
	if e.Kind == audit.KindRan {
		s.leftOut += e.Ran.LeftOut
	}
	s.changes = cmp.Or(e.Ran.Changes, s.changes)
	return nil
}

// tellStory prints all that the record has of an operation.
func (a *app) tellStory(read readRecord, id string) error {
	s := &story{place: map[uint64]int{}}
	bad, err := read(audit.Filter{ID: id}, s.take)
	if err != nil {
		return err
	}
	if s.begin == nil {
		return fmt.Errorf("the record has no operation %s", printable.Escape(id))
	}
	return errors.Join(a.tellBegin(s.begin), a.tellPrograms(s), a.tellChanges(s.changes), a.tellEnd(s), unread(bad))
}
