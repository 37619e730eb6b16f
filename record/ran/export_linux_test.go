package ran

import "dlx/record/audit"

// Stall keeps a session's events from being taken until release is called.
func Stall(s *Session) (release func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// Lost is how many of a session's programs the kernel could not tell of.
func Lost(s *Session) uint64 {
	var counted state
	if err := s.w.kernel.maps.state.Lookup(s.slot(), &counted); err != nil {
		return 0
	}
	return counted.Lost
}

// Waiting says whether somebody waits for all that is in the ring.
func Waiting(w *Watcher) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}

// Started is how many of a session's programs the kernel has counted.
func Started(s *Session) uint64 {
	var counted state
	if err := s.w.kernel.maps.state.Lookup(s.slot(), &counted); err != nil {
		return 0
	}
	return counted.Started
}

// Fill leaves a watcher no room.
func Fill(w *Watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = nil
}

// Size parses an event, and returns its program and what it is taken to need in the record; 0 if it
// is none.
func Size(b []byte) (p audit.Program, size int) {
	e := parseEvent(b)
	if e == nil || e.started == nil {
		return p, 0
	}
	p = program(1<<63, e)
	return p, programSize(&p)
}
