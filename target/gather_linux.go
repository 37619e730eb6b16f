package target

import (
	"errors"
	"slices"
	"sync"
	"time"

	"dlx/fault"
)

// patience is how long a runtime may take when another one has answered.
const patience = time.Second

// gather asks runtimes at the same time. Answers come in their order, beside errors. Where one
// answers, others need not be there, nor for this user, and one that is silent is not waited for
// any longer: it is a fault.RuntimeSilent. Its question goes on in the group. Beside runtimes of
// one's own, what those of other users fail at is no error: no user is to fail what root does.
func gather[T any](asking *sync.WaitGroup, runtimes []Runtime, f func(Runtime) (T, error)) ([]T, []error) {
	type answer struct {
		from  int
		value T
		err   error
	}
	answers := make(chan answer, len(runtimes))
	for i, r := range runtimes {
		asking.Go(func() {
			value, err := f(r)
			answers <- answer{i, value, err}
		})
	}
	beside := slices.ContainsFunc(runtimes, own)
	began := time.Now()
	var late <-chan time.Time // once one has answered
	values, waiting := make([]T, len(runtimes)), make(map[int]bool, len(runtimes))
	for i := range runtimes {
		waiting[i] = true
	}
	var errs []error
	absent := make([]error, len(runtimes))
	for len(waiting) > 0 {
		select {
		case a := <-answers:
			delete(waiting, a.from)
			values[a.from] = a.value // also what there is beside an error
			switch {
			case a.err == nil:
				if late == nil {
					timer := time.NewTimer(patience - time.Since(began))
					defer timer.Stop()
					late = timer.C
				}
			case beside && Others(runtimes[a.from]):
			case errors.Is(a.err, fault.NoRuntime), errors.Is(a.err, fault.SocketDenied):
				absent[a.from] = a.err
			default:
				errs = append(errs, a.err)
			}
		case <-late:
			for i := range runtimes {
				if waiting[i] && (!beside || !Others(runtimes[i])) {
					errs = append(errs, silent(runtimes[i]))
				}
			}
			return values, errs
		}
	}
	absent = slices.DeleteFunc(absent, func(err error) bool { return err == nil })
	if late == nil && len(errs) == 0 && len(absent) > 0 {
		errs = []error{nobody(absent)}
	}
	return values, errs
}
