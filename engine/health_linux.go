package engine

import (
	"errors"
	"os"

	"dlx/inject"
	"dlx/internal/cgroup"
)

// CgroupMode names the cgroup version that sessions are put into, or says what is missing.
func CgroupMode() (string, error) { return cgroup.Mode() }

// Injected counts the toolboxes that are injected on this host, and those whose injection was interrupted.
func Injected() (n, unfinished int, err error) {
	if _, err := os.Stat(Journal()); errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil
	}
	journal, err := inject.OpenJournal(Journal())
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	records, err := journal.All()
	for _, r := range records {
		if !r.Placed {
			unfinished++
		}
	}
	return len(records), unfinished, err
}
