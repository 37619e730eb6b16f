package outfile

import (
	"fmt"
	"os"
	"time"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// As runs f on a thread of its own whose files are an owner's (linux.ActAs).
// They are the caller's if owner is nil, or if the caller is not root. Some
// time after done is closed, a file system that has not answered makes As give
// f up with ErrNoAnswer. The thread that waits stays behind, and f may go on.
func As(owner *Owner, done <-chan struct{}, f func() error) error {
	ended := make(chan error, 1)
	go func() {
		ended <- nsutil.OnThread(func() error {
			if owner != nil && os.Geteuid() == 0 {
				if err := linux.ActAs(owner.UID, owner.GID); err != nil {
					return fmt.Errorf("make files as user %d: %w", owner.UID, err)
				}
			}
			return f()
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-done:
	}
	late := time.NewTimer(answerLimit)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return ErrNoAnswer
	}
}
