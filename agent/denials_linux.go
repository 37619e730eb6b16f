package agent

import (
	"sync"
	"time"

	"dlx/agent/identity"
	"dlx/fault"
)

// denials bound how often somebody is told no in a minute, and how much of that is recorded: who
// asks again and again would fill the disk with it, and then nothing could be done for anybody.
type denials struct {
	mu  sync.Mutex
	now func() time.Time
	of  map[string]*denial
}

// denial is a caller's minute.
type denial struct {
	began time.Time
	count int
}

const (
	denialWindow = time.Minute
	maxDenials   = 60 // in a window
)

// allow says whether a caller may ask at all. One who was told no too often waits for the minute's
// end.
func (d *denials) allow(c *identity.Caller) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.current(c); one != nil && one.count >= maxDenials {
		return fault.New(fault.TooMany, c.Name, "%s was told no %d times within a minute, and has to wait for its end", c.Name, maxDenials)
	}
	return nil
}

// note counts a no, and says whether it is to be recorded, and as the last one of its minute.
func (d *denials) note(c *identity.Caller) (record, last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.current(c)
	if one == nil {
		d.sweep()
		one = &denial{began: d.now()}
		d.of[c.ID()] = one
	}
	one.count++
	return one.count <= maxDenials, one.count == maxDenials
}

// current is the caller's minute, nil if it is over.
func (d *denials) current(c *identity.Caller) *denial {
	one := d.of[c.ID()]
	if one == nil || d.now().Sub(one.began) >= denialWindow {
		return nil
	}
	return one
}

// sweep forgets the minutes that are over.
func (d *denials) sweep() {
	for key, one := range d.of {
		if d.now().Sub(one.began) >= denialWindow {
			delete(d.of, key)
		}
	}
}
