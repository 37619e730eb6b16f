package audit

import (
	"crypto/ed25519"
	"fmt"
)

// chain follows the lines of a log. It tells of each that does not follow from those before.
type chain struct {
	seq   uint64 // of the last line
	prev  string // its digest; "" if it is not known
	epoch uint64 // of the next line
	key   ed25519.PublicKey
	begun bool
	tell  func(what Fault, seq uint64, format string, args ...any)
	keyed func(key ed25519.PublicKey, seq uint64) // a key that vouches for what follows
}

// take looks at a line and returns what it says. It returns nil if that is not the log's.
func (c *chain) take(line []byte) *Entry {
	payload, sig, ok := split(line)
	var e *Entry
	if ok {
		e, _ = parse(line)
	}
	if e == nil {
		c.tell(Edited, c.seq+1, "is no line of the log: it was edited or added")
		c.lose()
		return nil
	}
	c.own(e)
	switch {
	case c.key != nil && e.Epoch == c.epoch && !signed(payload, sig, c.key):
		c.tell(Edited, c.seq+1, "its signature is not that of epoch %d's key: it was edited or added", c.epoch)
		c.lose()
		return nil
	case c.begun && c.epoch != 0 && e.Epoch != c.epoch && e.Seq > c.seq:
		c.tell(Removed, e.Seq, "is of epoch %d, and epoch %d had not ended: lines between were removed", e.Epoch, c.epoch)
		c.key, c.epoch = nil, e.Epoch
		c.own(e)
		if c.key != nil && !signed(payload, sig, c.key) {
			c.key = nil
		}
	}
	if !c.follows(e) {
		return nil
	}
	c.begun, c.seq, c.prev = true, e.Seq, digest(line)
	if e.Checkpoint != nil {
		c.epoch, c.key = e.Epoch+1, publicKey(e.Checkpoint.Next)
		if c.key == nil {
			c.tell(Edited, e.Seq, "names no next key")
		} else {
			c.keyed(c.key, e.Seq+1)
		}
	}
	return e
}

// own takes the key that a line names for its own epoch, where no line before has named it. It
// proves nothing by itself.
func (c *chain) own(e *Entry) {
	if c.key != nil || c.epoch != 0 && e.Epoch != c.epoch {
		return
	}
	c.epoch = e.Epoch
	switch {
	case e.Kind == KindFile && e.File != nil:
		c.key = publicKey(e.File.Key)
	case e.Checkpoint != nil:
		c.key = publicKey(e.Checkpoint.Key)
	}
	if !c.begun && c.key != nil {
		c.keyed(c.key, e.Seq)
	}
}

// follows says whether a line is to be taken for the next one, and tells if it is not the very
// next.
func (c *chain) follows(e *Entry) bool {
	switch {
	case !c.begun:
		if e.Seq > 1 || e.Prev != "" {
			c.tell(Missing, e.Seq, "is the first one that is here, what was before it is not: %s", span(1, e.Seq-1))
		}
	case e.Seq <= c.seq:
		c.tell(Moved, e.Seq, "comes after entry %d: it was repeated or moved", c.seq)
		return false
	case e.Seq > c.seq+1:
		c.tell(Removed, e.Seq, "what was before it was removed or moved: %s", span(c.seq+1, e.Seq-1))
	case c.prev != "" && e.Prev != c.prev:
		c.tell(Edited, e.Seq, "does not follow from entry %d, which is not the one that was written", c.seq)
	}
	return true
}

// lose steps over a line that was not the log's. A first one's key is not taken for the log's.
func (c *chain) lose() {
	if !c.begun {
		c.key = nil
	}
	c.begun, c.seq, c.prev = true, c.seq+1, ""
}

func span(from, to uint64) string {
	if from >= to {
		return fmt.Sprintf("entry %d", from)
	}
	return fmt.Sprintf("entries %d to %d", from, to)
}
