package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/internal/outfile"
	"dlx/toolbox"
)

// Journal is the records' directory, locked against other dlx processes. Its owner closes it.
type Journal struct {
	dir  string
	lock *os.File
}

// OpenJournal makes the directory if need be and waits for its lock. One that is somebody else's is
// a fault.NotOwned or fault.Writable.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the journal's directory: %w", err)
	}
	if err := toolbox.CheckOwners(dir); err != nil { // its records say what is removed, and where
		return nil, fmt.Errorf("use the journal's directory: %w", err)
	}
	lock, err := outfile.OpenLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("open the journal's lock: %w", err)
	}
	if err := linux.Lock(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal: %w", err), lock.Close())
	}
	j := &Journal{dir, lock}
	if err := j.sweep(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// newPrefix begins the name of a record that is being written.
const newPrefix = ".new-"

// sweep removes the records that a kill has kept from being written to their end: whoever writes
// one holds the lock.
func (j *Journal) sweep() error {
	names, err := filepath.Glob(filepath.Join(j.dir, newPrefix+"*"))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("clear the journal: %w", err)
	}
	return nil
}

// Close releases the lock.
func (j *Journal) Close() error { return j.lock.Close() }

// path is a record's. An ID is one name in it, whatever is in the ID.
func (j *Journal) path(id string) string { return filepath.Join(j.dir, url.PathEscape(id)+".json") }

// badRecord reports one that can not be read.
func badRecord(path string, err error) error {
	return fault.New(fault.BadRecord, path, "read the journal's %s: %w", filepath.Base(path), err)
}

// Get returns a container's record, or nil if it has none. One that can not be read is a
// fault.BadRecord.
func (j *Journal) Get(id string) (*Record, error) {
	data, err := os.ReadFile(j.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	if err != nil {
		return nil, badRecord(j.path(id), err)
	}
	r := &Record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, badRecord(j.path(id), err)
	}
	if r.ID != id {
		return nil, badRecord(j.path(id), fmt.Errorf("it is about container %q", r.ID))
	}
	return r, nil
}

// All returns every record that can be read, with an error that tells of the others.
func (j *Journal) All() ([]*Record, error) {
	names, err := filepath.Glob(filepath.Join(j.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var records []*Record
	var errs []error
	for _, name := range names {
		id, err := url.PathUnescape(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			errs = append(errs, badRecord(name, err))
			continue
		}
		r, err := j.Get(id)
		if r != nil {
			records = append(records, r)
		}
		errs = append(errs, err)
	}
	return records, errors.Join(errs...)
}

// put writes a record so that it is whole on disk, or not there (rename(2), fsync(2)).
func (j *Journal) put(r *Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(j.dir, newPrefix+"*")
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	failpoint.At("journal.made")
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	failpoint.At("journal.written")
	if err == nil {
		err = errors.Join(os.Rename(tmp.Name(), j.path(r.ID)), j.sync())
	}
	if err != nil {
		return fmt.Errorf("write the journal: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// Forget removes a container's record.
func (j *Journal) Forget(id string) error {
	if err := os.Remove(j.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear the journal: %w", err)
	}
	failpoint.At("journal.forgotten")
	return j.sync()
}

func (j *Journal) sync() error {
	dir, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
