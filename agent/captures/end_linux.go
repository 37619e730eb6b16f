package captures

import (
	"encoding/hex"
	"errors"
	"time"

	"dlx/internal/failpoint"
	"dlx/internal/linux"
)

// Finish ends a capture for good, for a reason. One that has not begun is forgotten. Its error is
// why its end, or a part of its file, may not be on the disk.
func (c *Capture) Finish(why string) error {
	defer close(c.done)
	c.io.Lock()
	defer c.io.Unlock()
	err := c.closeFile()
	if !c.begun() {
		c.store.forget(c)
		return errors.Join(err, c.remove())
	}
	err = errors.Join(err, c.lookThrough()) // one that could not go on
	now, k := c.store.now(), c.snapshot()
	i := &k.Info
	i.Ended, i.Why = now, clip(why, maxText)
	if c.sum != nil {
		i.SHA256 = hex.EncodeToString(c.sum.Sum(nil))
	}
	if n := len(i.Gaps); n > 0 && i.Gaps[n-1].To.IsZero() {
		i.Gaps[n-1].To = now
	}
	failpoint.At("captures.ending")
	if serr := c.store.save(&k); serr != nil { // without that it would go on with the next agent
		rerr := linux.RenameNoReplace(c.store.dir, c.id+stateSuffix, c.id+overSuffix)
		err = errors.Join(err, serr, rerr)
	}
	failpoint.At("captures.ended")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = k
	return err
}

// Pause ends a section, because the agent ends: the next one goes on with the capture.
func (c *Capture) Pause() error {
	defer close(c.done)
	c.io.Lock()
	defer c.io.Unlock()
	err := c.closeFile()
	if !c.begun() {
		c.store.forget(c)
		return err
	}
	c.mu.Lock()
	if c.state.Paused.IsZero() && c.sum != nil {
		c.state.Paused = c.store.now()
	}
	c.mu.Unlock()
	k := c.snapshot()
	return errors.Join(err, c.store.save(&k))
}

// closeFile has the file on the disk, and closes it.
func (c *Capture) closeFile() error {
	if c.sync != nil {
		close(c.sync)
		c.wg.Wait()
		c.sync = nil
	}
	if c.fd == nil {
		return nil
	}
	err := errors.Join(linux.Sync(c.fd), c.fd.Close())
	c.fd = nil
	return err
}

// lastWrite is when a file was written to.
func lastWrite(st *linux.Stat) time.Time { return time.Unix(st.Mtim.Unix()) }

// flush has what was written on the disk from time to time, until stop is closed.
func (c *Capture) flush(fd *linux.FD, stop <-chan struct{}) {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		c.mu.Lock()
		dirty := c.dirty
		c.dirty = false
		c.mu.Unlock()
		if dirty {
			_ = c.fail(linux.SyncData(fd)) // who writes next is told
		}
	}
}
