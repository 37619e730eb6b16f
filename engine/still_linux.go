package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"dlx/fault"
	"dlx/internal/standin"
	"dlx/target"
)

// stood is a container that does not run, or an image, for which a process of dlx's own stands.
type stood struct {
	still  *target.Still
	what   Subject
	starts <-chan target.Event // of the container; nil for an image
	stop   context.CancelFunc
	watch  sync.WaitGroup
}

// openStill has a process stand for a container that does not run, or an image.
func (l *Local) openStill(ctx context.Context, name string, image bool) (*target.Target, *stood, error) {
	s, err := l.findStill(ctx, name, image)
	if err != nil {
		return nil, nil, err
	}
	t, err := l.standFor(ctx, s)
	if err != nil {
		s.end()
		return nil, nil, err
	}
	return t, s, nil
}

// findStill finds it, and watches a container from before its files are mounted.
func (l *Local) findStill(ctx context.Context, name string, image bool) (s *stood, err error) {
	s = &stood{what: SubjectImage, stop: func() {}}
	if image {
		s.still, err = l.targets.Image(ctx, name)
		return s, err
	}
	s.what = SubjectStopped
	if s.still, err = l.targets.Still(ctx, name); err != nil {
		return nil, err
	}
	if mounted(s.still.Merged) {
		return nil, fault.New(fault.NoStill, s.still.Name, "container %q does not run, and its files are still mounted at %s", s.still.Name, s.still.Merged)
	}
	if upper := s.still.Dirs[0]; upperInUse(upper) {
		return nil, fault.New(fault.NoStill, s.still.Name, "container %q does not run, and its layer %s is mounted for writing", s.still.Name, upper)
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	if s.starts, err = l.targets.WatchFor(watch, &s.still.Info); err != nil {
		stop()
		return nil, fmt.Errorf("watch for a start of %s: %w", s.still.Name, err)
	}
	return s, nil
}

// upperInUse says whether an overlay that is mounted here writes to a directory.
func upperInUse(dir string) bool {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	return err != nil || bytes.Contains(mountinfo, []byte(",upperdir="+dir+",")) || bytes.Contains(mountinfo, []byte(",upperdir="+dir+"\n"))
}

// standFor starts the process. A container that has been started meanwhile is a fault.Changed.
func (l *Local) standFor(ctx context.Context, s *stood) (*target.Target, error) {
	program, err := l.sealed()
	if err != nil {
		return nil, err
	}
	k, err := standin.Files(ctx, program, s.still)
	if err = errors.Join(err, program.Close()); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if s.what == SubjectStopped {
		now, err := l.targets.Inspect(ctx, &s.still.Info)
		if err == nil && now.State.Live() {
			err = fault.New(fault.Changed, s.still.Name, "container %q was started meanwhile", s.still.Name)
		}
		if err != nil {
			return nil, errors.Join(err, k.Close())
		}
	}
	return target.Stand(&s.still.Info, k.Process, func() error {
		s.end()
		return k.Close()
	}), nil
}

// subject is what stands there.
func (s *stood) subject() Subject {
	if s == nil {
		return ""
	}
	return s.what
}

// tell tells of it, and later of the container's start. All of its layers are read only here, so
// that start takes no harm. What the session sees of them from then on is undefined (the kernel's
// overlayfs.rst, "Changes to underlying filesystems").
func (s *stood) tell(to Streams) {
	if s == nil {
		return
	}
	if to.Still != nil {
		to.Still(s.still)
	}
	if s.starts == nil || to.Began == nil {
		return
	}
	s.watch.Go(func() {
		if e, ok := <-s.starts; ok && e.Err == nil {
			to.Began()
		}
	})
}

// end stops the watching.
func (s *stood) end() {
	s.stop()
	s.watch.Wait()
}
