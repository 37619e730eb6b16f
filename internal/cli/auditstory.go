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

// operation is the one piece of work whose ID begins with a text, or that very operation. The
// operations of work with several have an ending: ID, ID.2.
func operation(read readRecord, beginning string) (string, error) {
	const several = 10
	var ids []string
	_, err := read(audit.Filter{ID: beginning}, func(e *audit.Entry) error {
		id, _, _ := strings.Cut(e.ID, ".")
		switch {
		case e.Kind != audit.KindBegin:
		case e.ID == beginning || id == beginning:
			ids = []string{beginning}
			return errFound
		case strings.HasPrefix(id, beginning) && !slices.Contains(ids, id) && len(ids) < several:
			ids = append(ids, id)
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

// tellStory prints all that the record has of an operation, and of the others of the same work.
func (a *app) tellStory(read readRecord, id string) error {
	var all []*story
	of := map[string]*story{}
	bad, err := read(audit.Filter{ID: id}, func(e *audit.Entry) error {
		s := of[e.ID]
		if s == nil {
			if e.Kind != audit.KindBegin {
				return nil
			}
			s = &story{place: map[uint64]int{}}
			of[e.ID] = s
			all = append(all, s)
		}
		return s.take(e)
	})
	if err != nil {
		return err
	}
	for i, s := range all {
		if i > 0 {
			err = errors.Join(err, a.printf("\n"))
		}
		err = errors.Join(err, a.tellBegin(s.begin), a.tellPrograms(s), a.tellChanges(s.changes), a.tellEnd(s))
	}
	return errors.Join(err, unread(bad))
}
