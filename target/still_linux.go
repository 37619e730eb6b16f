package target

import (
	"context"
	"errors"
	"slices"
	"strings"

	"dlx/fault"
)

// Still finds a container that does not run. One that does is a fault.Running.
func (s *Set) Still(ctx context.Context, text string) (*Still, error) {
	if ref, err := ParseRef(text); err == nil && (ref.Scheme == PIDScheme || ref.Scheme == NetNSScheme) {
		return nil, fault.New(fault.WrongTarget, text, "%s is no container", ref)
	}
	info, err := s.Resolve(ctx, text)
	if err != nil {
		return nil, err
	}
	if info.State.Live() {
		return nil, fault.New(fault.Running, info.Name, "container %q is running", info.Name)
	}
	r, _ := s.runtime(info)
	stills, ok := r.(Stills)
	if !ok {
		return nil, NoStill(info.Name, "%s tells of no files of what does not run", info.Runtime)
	}
	still, err := stills.Still(ctx, info)
	if err != nil {
		return nil, err
	}
	return still, checkStill(still)
}

// Image finds an image, in all runtimes or, as image://RUNTIME://REF, in one. None is a
// fault.NoImage, and several are an Ambiguous.
func (s *Set) Image(ctx context.Context, text string) (*Still, error) {
	ref, err := ParseRef(text)
	if err != nil {
		return nil, err
	}
	if ref.Scheme != ImageScheme {
		return nil, badTarget(text, "no image")
	}
	scheme, name := splitImage(ref.Name)
	var runtimes []Runtime
	for _, r := range s.runtimes {
		if _, ok := r.(Stills); ok && (scheme == "" || scheme == r.Scheme()) {
			runtimes = append(runtimes, r)
		}
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	asking := s.begin()
	defer asking.Done()
	lists, errs := gather(asking, runtimes, func(r Runtime) ([]Still, error) { return r.(Stills).Images(ctx, name) })
	hits, err := slices.Concat(lists...), errors.Join(errs...)
	switch {
	case len(hits) > 1:
		return nil, ambiguousImage(name, hits)
	case len(hits) == 1:
		return &hits[0], checkStill(&hits[0])
	case err != nil:
		return nil, err
	}
	return nil, fault.New(fault.NoImage, name, "no image %q", name)
}

func ambiguousImage(name string, hits []Still) error {
	names := make([]string, len(hits))
	for i, h := range hits {
		names[i] = ImageScheme + "://" + h.Runtime + "://" + h.Name
	}
	return fault.New(fault.Ambiguous, name, "%q fits %d images: %s", name, len(hits), strings.Join(names, ", ")).With(names...)
}

// checkStill checks what a runtime says before anything of this host is opened for it.
func checkStill(still *Still) error {
	if len(still.Dirs) == 0 {
		return NoStill(still.Name, "the runtime names no directory of %q on this host", still.Name)
	}
	for _, dir := range still.Dirs {
		if !CleanDir(dir) {
			return NoStill(still.Name, "%.80q is no directory of %q", dir, still.Name)
		}
	}
	return nil
}

// NoStill reports a container or an image whose files can not be reached.
func NoStill(name, format string, args ...any) error {
	return fault.New(fault.NoStill, name, format, args...)
}
