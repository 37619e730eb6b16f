package containerd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dlx/internal/linux"
	"dlx/target"
	"dlx/target/internal/grpcwire"
)

// task is a container's processes, as far as containerd says (api/types/task/task.proto). Its zero
// value is that of a container without one.
type task struct {
	id     string
	status uint64
	pid    int
}

// Statuses of a task's.
const (
	taskCreated = 1
	taskRunning = 2
	taskStopped = 3
	taskPaused  = 4
	taskPausing = 5
)

// parseTask reads one. A list has the container's ID in another field than a single answer.
func parseTask(message []byte) (t task, err error) {
	err = grpcwire.Fields(message, func(f grpcwire.Field) error {
		switch f.Number {
		case 1, 2:
			if text := f.Text(); text != "" {
				t.id = text
			}
		case 3:
			t.pid = int(uint32(f.Uint()))
		case 4:
			t.status = f.Uint()
		}
		return nil
	})
	return t, err
}

func (t task) exists() bool { return t.status != 0 || t.id != "" }

// state is the task's in words. One without a task is Exited until it is known to be new.
func (t task) state() target.State {
	switch t.status {
	case taskCreated:
		return target.Created
	case taskRunning:
		return target.Running
	case taskPaused:
		return target.Paused
	case taskPausing:
		return "pausing"
	case taskStopped:
		return target.Exited
	}
	if t.exists() {
		return "unknown"
	}
	return target.Exited
}

// process is the number of the container's first process, 0 if it has none. Of a task that has
// stopped containerd still tells the old one, which may be anybody's by now.
func (t task) process() int {
	if t.state().Live() {
		return t.pid
	}
	return 0
}

// tasks lists those of a namespace, by the containers' IDs.
func (r *Runtime) tasks(ctx context.Context, namespace string) (map[string]task, error) {
	const what = "list tasks"
	answer, err := r.call(ctx, what, namespace, "tasks.v1.Tasks/List", nil)
	if err != nil {
		return nil, err
	}
	all := map[string]task{}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) error {
		if f.Number != 1 {
			return nil
		}
		t, err := parseTask(f.Bytes())
		if len(all) == maxContainers {
			return fmt.Errorf("more than %d", maxContainers)
		}
		all[t.id] = t
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// task returns a container's, the zero value if it has none.
func (r *Runtime) task(ctx context.Context, c *record) (t task, err error) {
	const what = "ask for the task of a container"
	answer, err := r.call(ctx, what, c.namespace, "tasks.v1.Tasks/Get", grpcwire.AppendBytes(nil, 1, c.id))
	if grpcwire.Is(err, grpcwire.NotFound) {
		return task{}, nil
	}
	if err != nil {
		return task{}, err
	}
	err = grpcwire.Fields(answer, func(f grpcwire.Field) (err error) {
		if f.Number == 1 {
			t, err = parseTask(f.Bytes())
		}
		return err
	})
	if err != nil {
		return task{}, fmt.Errorf("%s: %w", what, err)
	}
	return t, nil
}

// bootTime is one for all questions. It is made of two clocks: computed anew it differs by a
// little.
var bootTime = sync.OnceValues(linux.BootTime)

// started is when a process was started, which containerd does not tell. It is zero for one that is
// gone.
func started(pid int) time.Time {
	if pid <= 0 {
		return time.Time{}
	}
	boot, err := bootTime()
	if err != nil {
		return time.Time{}
	}
	stat, err := linux.StatProcess(pid)
	if err != nil {
		return time.Time{}
	}
	return boot.Add(time.Duration(stat.Start()) * time.Second / linux.ClockTicks)
}
