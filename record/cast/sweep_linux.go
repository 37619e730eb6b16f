package cast

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/record"
)

// Keep says which recordings stay. Zero is no limit.
type Keep struct {
	MaxAge   time.Duration // since the last write
	MaxBytes int64         // of all recordings, those that are being written included
}

// Kept is a recording in a directory.
type Kept struct {
	ID      string
	Bytes   int64
	Written time.Time
	Active  bool // it is being written
}

// maxNames bounds the recordings in a directory.
const maxNames = 1 << 20

// List lists the recordings of a directory, the oldest first.
func List(dir string) ([]Kept, error) {
	d, err := outfile.Private(dir)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	defer d.Close()
	list, err := list(d)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	return list, nil
}

func list(d *linux.FD) (list []Kept, err error) {
	names, err := linux.ReadDir(d, maxNames)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		id, ok := strings.CutSuffix(name, Suffix)
		if !ok || !record.ValidID(id) {
			continue
		}
		err := withFile(d, name, func(st linux.Stat, free bool) error {
			list = append(list, Kept{id, st.Size, time.Unix(st.Mtim.Unix()), !free})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b Kept) int { return cmp.Or(a.Written.Compare(b.Written), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// withFile calls f with a recording's state: free says that nobody writes it. What is no regular
// file, or gone, is passed over.
func withFile(d *linux.FD, name string, f func(st linux.Stat, free bool) error) error {
	fd, err := linux.OpenBeneath(d, name, linux.ORead|linux.ONonblock|linux.ONoctty)
	if errors.Is(err, linux.ErrNotExist) || errors.Is(err, linux.ErrLoop) {
		return nil
	}
	if err != nil {
		return err
	}
	defer fd.Close()
	st, err := linux.Fstat(fd)
	if err != nil || st.Mode&linux.ModeType != linux.ModeRegular {
		return err
	}
	busy, err := linux.RangeLocked(fd, 0, 1)
	if err != nil {
		return err
	}
	return f(st, !busy)
}

// Sweep removes recordings that are too old, and the oldest ones while all take too many bytes.
// What is being written stays. It returns what it has removed, for the record, also beside an
// error.
func Sweep(dir string, k Keep, now time.Time) (removed []Kept, err error) {
	d, err := outfile.Private(dir)
	if err != nil {
		return nil, fmt.Errorf("remove old recordings: %w", err)
	}
	defer d.Close()
	all, err := list(d)
	if err != nil {
		return nil, fmt.Errorf("remove old recordings: %w", err)
	}
	if err := removeTemp(d, now); err != nil {
		return nil, fmt.Errorf("remove old recordings: %w", err)
	}
	total := int64(0)
	for _, r := range all {
		total += r.Bytes
	}
	for _, r := range all {
		old := k.MaxAge > 0 && now.Sub(r.Written) > k.MaxAge
		if !old && (k.MaxBytes == 0 || total <= k.MaxBytes) {
			continue
		}
		err := withFile(d, r.ID+Suffix, func(_ linux.Stat, free bool) error {
			if !free { // it is being written
				return nil
			}
			if err := linux.UnlinkAt(d, r.ID+Suffix); err != nil {
				return err
			}
			total -= r.Bytes
			removed = append(removed, r)
			return nil
		})
		if err != nil {
			return removed, fmt.Errorf("remove the recording %s: %w", filepath.Join(dir, r.ID+Suffix), err)
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	return removed, linux.Sync(d)
}

// tempAge is after how long a recording that has not begun never will.
const tempAge = time.Hour

// removeTemp removes what recorders have left that were killed before they began.
func removeTemp(d *linux.FD, now time.Time) error {
	names, err := linux.ReadDir(d, maxNames)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, tempPrefix) {
			continue
		}
		err := withFile(d, name, func(st linux.Stat, free bool) error {
			if !free || now.Sub(time.Unix(st.Mtim.Unix())) < tempAge {
				return nil
			}
			return linux.UnlinkAt(d, name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
