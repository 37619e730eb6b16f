package captures_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/agent/captures"
	"dlx/fault"
	"dlx/internal/testutil"
)

// fill writes packets until there is no room, and returns why.
func fill(c *captures.Capture, size, most int) error {
	for range most {
		if err := c.Blocks(packet(size), 1, 0); err != nil {
			return err
		}
	}
	return nil
}

// TestQuota: the captures of a user, and all together, take no more than they may. What is captured
// until then is whole, others go on, and what is removed makes room.
func TestQuota(t *testing.T) {
	const mib = 1 << 20
	s := open(t, filepath.Join(t.TempDir(), "captures"), captures.Limits{UserBytes: 3 * mib, Bytes: 5 * mib})
	a, b := begin(t, s, of("alice", 1000)), begin(t, s, of("bob", 1001))
	if err := fill(a, mib/4, 100); !errors.Is(err, fault.NoRoom) || !strings.Contains(err.Error(), "of a user") {
		t.Errorf("alice: %v, want fault.NoRoom", err)
	}
	if err := a.Blocks(packet(1), 1, 0); !errors.Is(err, fault.NoRoom) {
		t.Errorf("a capture goes on behind a part that it lacks: %v", err)
	}
	if err := fill(b, mib/4, 4); err != nil {
		t.Errorf("bob: %v", err)
	}
	if err := fill(b, mib/4, 100); !errors.Is(err, fault.NoRoom) || !strings.Contains(err.Error(), "all captures") {
		t.Errorf("bob, with alice's there: %v, want fault.NoRoom", err)
	}
	if _, err := s.New(of("alice", 1000)); !errors.Is(err, fault.NoRoom) {
		t.Errorf("one more: %v, want fault.NoRoom", err)
	}
	if err := errors.Join(a.Finish("full"), b.Finish("full")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*captures.Capture{a, b} {
		if _, packets, _, err := captures.Scan(bytes.NewReader(content(t, c)), discard{}); err != nil || packets != c.Info().Packets {
			t.Errorf("%d packets are whole, want %d", packets, c.Info().Packets)
		}
	}
	if err := s.Remove(a); err != nil {
		t.Fatal(err)
	}
	if err := fill(begin(t, s, of("alice", 1000)), mib/4, 4); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestSmallDisk: captures leave so much of the disk as they have to. Where others fill it, a
// capture ends, what it has is whole, and its end is known to the next agent.
func TestSmallDisk(t *testing.T) {
	disk := testutil.SmallDisk(t, "8m")
	dir := filepath.Join(disk, "captures")
	s := open(t, dir, captures.Limits{Free: 3 << 20})
	c := begin(t, s, of("alice", 1000))
	if err := fill(c, 200<<10, 1000); !errors.Is(err, fault.NoRoom) || !strings.Contains(err.Error(), "left") {
		t.Errorf("%v, want fault.NoRoom", err)
	}
	if size := c.Info().Bytes; size < 3<<20 || size > 5<<20 {
		t.Errorf("%d bytes of 8 MiB, of which 3 MiB are to be left", size)
	}
	if err := errors.Join(c.Finish("full"), s.Remove(c)); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir, captures.Limits{}) // which leaves nothing
	c = begin(t, s, of("alice", 1000))
	if err := fill(c, 200<<10, 1000); !errors.Is(err, fault.NoRoom) {
		t.Errorf("%v, want fault.NoRoom", err)
	}
	others, err := os.Create(filepath.Join(disk, "others"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = others.Write(make([]byte, 512))
	}
	_ = others.Close()
	ferr := c.Finish("full")
	if !errors.Is(ferr, fault.NoRoom) {
		t.Fatalf("its end: %v, want fault.NoRoom: the disk has no room for it", ferr)
	}
	whole := content(t, c)
	if size, packets, _, err := captures.Scan(bytes.NewReader(whole), discard{}); err != nil || packets < 10 || size != int64(len(whole)) {
		t.Errorf("%d packets in %d bytes of %d, %v", packets, size, len(whole), err)
	}
	if st, err := os.Stat(filepath.Join(dir, c.Name())); err != nil || st.Size() != int64(len(whole)) || s.Used() != st.Size() {
		t.Errorf("the file has %d bytes, the store knows of %d, and %d are whole", st.Size(), s.Used(), len(whole))
	}
	again := open(t, dir, captures.Limits{})
	if list := again.Unfinished(); len(list) != 0 {
		t.Errorf("the next agent goes on with a capture that has ended: %+v", list[0].Info())
	}
	kept := again.Find(c.ID())
	if kept == nil || !bytes.Equal(content(t, kept), whole) {
		t.Error("the next agent does not have it")
	}
	if err := again.Remove(kept); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestSlowDisk: a capture that waits for the disk holds up no other one, no list, and nobody who
// fetches what it has.
func TestSlowDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "captures"), captures.Limits{UserBytes: 1 << 30, Running: 10})
	slow, other := begin(t, s, of("alice", 1000), packet(10)), begin(t, s, of("alice", 1000))
	release := slow.HoldDisk()
	waits, done := make(chan error, 1), make(chan struct{})
	go func() { waits <- slow.Blocks(packet(10), 1, 7) }()
	go func() {
		defer close(done)
		if err := fill(other, 100, 100); err != nil || len(s.List(nil)) != 2 || len(content(t, slow)) == 0 {
			t.Errorf("%v, %+v", err, s.List(nil))
		}
		if err := begin(t, s, of("bob", 1001)).Finish("enough"); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("all wait for one")
	}
	release()
	if err := <-waits; err != nil || slow.Info().Dropped != 7 {
		t.Errorf("%v, %+v", err, slow.Info())
	}
	<-done
}

// TestMany: a user has so many captures at once, and so many kept, and so have all.
func TestMany(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "captures"), captures.Limits{UserRunning: 4, Running: 6, UserKept: 5, Kept: 8})
	var on []*captures.Capture
	try := func(user string, uid uint32) (n int) {
		for range 100 {
			c, err := s.New(of(user, uid))
			if errors.Is(err, fault.TooMany) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			goOn(t, c)
			t.Cleanup(func() { end(c) })
			on, n = append(on, c), n+1
		}
		return n
	}
	if n := try("alice", 1000); n != 4 {
		t.Errorf("%d of alice's at once, want 4", n)
	}
	if n := try("bob", 1001); n != 2 {
		t.Errorf("%d of bob's beside them, want 2", n)
	}
	for _, c := range on {
		if err := c.Finish("enough"); err != nil {
			t.Fatal(err)
		}
	}
	if n := try("alice", 1000); n != 1 {
		t.Errorf("%d more of alice's are kept, want 1", n)
	}
	if n := try("carol", 1002); n != 1 {
		t.Errorf("%d of carol's are kept, want 1", n)
	}
	if err := s.Remove(on[len(on)-1]); !errors.Is(err, fault.StillOn) {
		t.Errorf("one that is on is removed: %v", err)
	}
}

// TestSweep: what ended too long ago goes, then the oldest while there is too much. What is on
// stays, and so does what other files there are, for a time.
func TestSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	s := open(t, dir, captures.Limits{MaxAge: time.Hour, MaxSize: 3000})
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	var ids []string
	for i := range 6 {
		c := begin(t, s, of(fmt.Sprint("user", i), uint32(i)), packet(700))
		now = now.Add(20 * time.Minute)
		if i > 0 { // the first one is on
			if err := c.Finish("enough"); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, c.ID())
	}
	stray := filepath.Join(dir, strings.Repeat("A", 26)+".pcapng")
	if err := errors.Join(os.WriteFile(stray, nil, 0o600), os.Chtimes(stray, now, now)); err != nil {
		t.Fatal(err)
	}
	removed, err := s.Sweep() // the second is 80 minutes old; of the other five 3000 bytes are three
	if err != nil || !slices.Equal(removed, ids[1:4]) {
		t.Errorf("removed %q, %v; want %q", removed, err, ids[1:4])
	}
	if _, err := os.Stat(stray); err != nil {
		t.Errorf("what may become a capture's is removed: %v", err)
	}
	now = now.Add(48 * time.Hour)
	if removed, err = s.Sweep(); err != nil || !slices.Equal(removed, ids[4:]) {
		t.Errorf("removed %q, %v; want %q", removed, err, ids[4:])
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 || !strings.HasPrefix(left[0].Name(), ids[0]) {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestOftenCutOff: a capture does not go on for ever in agents that end again and again.
func TestOftenCutOff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	end(begin(t, open(t, dir, captures.Limits{}), of("alice", 1000)))
	for n := 1; ; n++ {
		c := open(t, dir, captures.Limits{}).Unfinished()[0]
		err := c.Ready()
		if n == captures.MaxSections {
			if !errors.Is(err, fault.TooMany) {
				t.Errorf("after %d ends: %v, want fault.TooMany", n, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("after %d ends: %v", n, err)
		}
		goOn(t, c)
		if err := c.Pause(); err != nil {
			t.Fatal(err)
		}
		if i := c.Info(); len(i.Gaps) != n || !strings.Contains(i.Gaps[0].Why, "was stopped") {
			t.Fatalf("%+v", i)
		}
	}
}

// TestTouched: what somebody has done to the directory is told, and does no harm.
func TestTouched(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	s := open(t, dir, captures.Limits{})
	short, gone := begin(t, s, of("alice", 1000), packet(100)), begin(t, s, of("alice", 1000))
	victim := filepath.Join(t.TempDir(), "victim")
	err := errors.Join(short.Finish("enough"), gone.Finish("enough"), os.Truncate(filepath.Join(dir, short.Name()), 10),
		os.WriteFile(victim, []byte("the host's"), 0o600), os.Remove(filepath.Join(dir, gone.Name())), os.Symlink(victim, filepath.Join(dir, gone.Name())),
		os.Symlink(victim, filepath.Join(dir, "LINK.json")), os.WriteFile(filepath.Join(dir, "OTHER.json"), []byte(`{"version":1,"sections":1,"info":{"id":"../x"}}`), 0o600),
		os.WriteFile(filepath.Join(dir, "LARGE.json"), []byte(`{"version":1,"sections":1,"info":{"id":"LARGE"}}`+strings.Repeat(" ", 1<<20)), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*captures.Store{s, open(t, dir, captures.Limits{})} {
		if n := len(s.List(nil)); n != 2 {
			t.Errorf("%d captures, want 2", n)
		}
		if _, err := s.Find(short.ID()).Open(); !errors.Is(err, fault.BadCopy) {
			t.Errorf("a file that was cut off: %v, want fault.BadCopy", err)
		}
		if f, err := s.Find(gone.ID()).Open(); err == nil {
			t.Errorf("a link in a file's place is read: %+v", f)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := captures.Open(dir, captures.Limits{}, nil); err == nil {
		t.Error("a directory that others look into is taken")
	}
}

// discard is a hash of nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Sum(b []byte) []byte         { return b }
func (discard) Reset()                      {}
func (discard) Size() int                   { return 0 }
func (discard) BlockSize() int              { return 1 }
