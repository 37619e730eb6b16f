package toolbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

// Seen remembers the highest sequence of each toolbox that was used. So an older one, whose faults
// are known, can not take its place.
type Seen struct {
	file string
	max  map[string]uint64 // by name and architecture
}

// maxSeen is the most bytes of a record.
const maxSeen = 1 << 20

// OpenSeen reads the record in a file. A missing one is empty. As with keys, one that others could
// have written is an error: it could say that nothing newer was used.
func OpenSeen(file string) (*Seen, error) {
	s := &Seen{file: file, max: map[string]uint64{}}
	err := CheckOwners(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var data []byte
	if err == nil {
		data, err = readRecord(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read which toolboxes were used: %w", err)
	}
	if len(data) > maxSeen {
		return nil, fmt.Errorf("read which toolboxes were used: %s is longer than %d bytes", file, maxSeen)
	}
	if err := json.Unmarshal(data, &s.max); err != nil {
		return nil, fmt.Errorf("read which toolboxes were used: %s: %w", file, err)
	}
	return s, nil
}

// readRecord reads a regular file, up to a byte more than a record has.
func readRecord(name string) ([]byte, error) {
	f, err := openFile(name)
	if err != nil || f == nil {
		return nil, cmp.Or(err, error(&fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}))
	}
	defer func() { _ = f.Close() }() // was only read
	return io.ReadAll(io.LimitReader(f, maxSeen+1))
}

func seenKey(m *Manifest) string { return m.Name + "/" + m.Arch }

func (s *Seen) check(m *Manifest) error {
	if newest := s.max[seenKey(m)]; m.Sequence < newest {
		return refuse(ErrOlder, "", "%s has sequence %d, and %d was used already (%s)", m.Title(), m.Sequence, newest, s.file)
	}
	return nil
}

// Record notes that a toolbox is used. Another dlx may do so at the same time: the record is read
// again under a lock, and replaced as a whole.
func (s *Seen) Record(v *Verified) error {
	higher := false
	for _, p := range v.parts {
		higher = higher || p.sequence > s.max[p.record]
	}
	if !higher {
		return nil
	}
	err := locked(s.file, func() error {
		now, err := OpenSeen(s.file)
		if err != nil {
			return err
		}
		for _, p := range v.parts {
			now.max[p.record] = max(now.max[p.record], p.sequence)
		}
		s.max = now.max
		data, err := json.Marshal(s.max)
		if err != nil {
			return err
		}
		left := func(name string) bool { return strings.HasPrefix(name, tempName(s.file)) }
		if err := removeTemp(filepath.Dir(s.file), left); err != nil {
			return err
		}
		return replaceOwn(s.file, 0o644, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("note which toolboxes were used: %w", err)
	}
	return nil
}
