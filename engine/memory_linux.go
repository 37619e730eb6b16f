package engine

import (
	"errors"
	"fmt"

	"dlx/fault"
	"dlx/internal/failpoint"
	"dlx/internal/quota"
)

// The memory that a user's captures may take together, and what each takes beside its rings: some 4
// MiB at first, more for flows and names.
const (
	mebibyte      = 1 << 20
	userMemory    = 256 // MiB
	captureMemory = 16 << 20
)

// memory is what a capture takes of its user's share of the host's.
type memory struct {
	user  uint32
	quota *quota.Quota // nil for root, who has no bound
}

// memory takes what a capture needs besides its rings.
func (l *Local) memory(user uint32) (*memory, error) {
	m := &memory{user: user}
	if user == 0 {
		return m, nil
	}
	var err error
	if m.quota, err = quota.Open(l.o.Run, fmt.Sprintf("capture-%d", user), userMemory); err != nil {
		return nil, err
	}
	failpoint.At("quota.opened")
	if _, err := m.take(captureMemory); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// take takes so many bytes more.
func (m *memory) take(bytes int) (release func(), err error) {
	if m.quota == nil {
		return func() {}, nil
	}
	release, err = m.quota.Take((bytes + mebibyte - 1) / mebibyte)
	if e, ok := errors.AsType[*quota.ExceededError](err); ok {
		return nil, fault.New(fault.QuotaExceeded, "", "all captures of user %d may take %d MiB of memory together: %d are left, and this takes %d",
			m.user, e.Total, e.Left, e.Wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("take memory for a capture: %w", err)
	}
	return release, nil
}

// close gives all of it back.
func (m *memory) close() error {
	if m.quota == nil {
		return nil
	}
	return m.quota.Close()
}
