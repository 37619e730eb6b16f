package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"dlx/fault"
	"dlx/inject"
	"dlx/internal/failpoint"
	"dlx/internal/linux"
	"dlx/nsutil"
	"dlx/target"
	"dlx/toolbox"
	"dlx/toolbox/layout"
)

// olderShell is the shell of a toolbox that an older dlx has placed, whose record does not say.
const olderShell = inject.Dir + "/" + layout.Sh

// Inject keeps the toolbox in the target's writable layer.
func (l *Local) Inject(ctx context.Context, req InjectRequest) (res InjectResult, err error) {
	defer func() { err = fault.In(string(VerbInject), req.Target, err) }()
	if err := requirePrivileges(linux.CapSysPtrace); err != nil {
		return res, err
	}
	if err := containerOnly(VerbInject, req.Target); err != nil {
		return res, err
	}
	p, err := l.place(ctx, req.Target)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	box, seen, err := l.toolboxes(req.Toolboxes)
	if err != nil {
		return res, err
	}
	end, err := l.begin(ctx, Operation{Verb: VerbInject, Target: p.info, Toolboxes: box.Parts()}, p.process())
	if err != nil {
		return res, err
	}
	defer func() { end(Outcome{Err: err}) }()
	if err := seen(); err != nil {
		return res, err
	}
	journal, err := l.openJournal()
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	failpoint.At("inject.locked")
	record, already, err := journal.Place(ctx, p.layer, box)
	if err != nil {
		return res, err
	}
	if already && len(req.Toolboxes) > 0 && !record.IsOf(box.Parts()) {
		return res, otherToolbox(p.layer.Name, record.Toolboxes)
	}
	res = InjectResult{
		Target: p.layer.Name, Runtime: p.info.Runtime, ID: p.info.ID, Path: inject.Dir, Shell: record.Shell, Program: record.Program, Already: already, Toolboxes: record.Toolboxes,
	}
	if len(record.Toolboxes) == 0 {
		res.Shell = olderShell
	}
	return res, l.stillSo(ctx, p.layer)
}

// otherToolbox reports a container that has other toolboxes than were to be injected. If an older
// dlx has placed them, none is known.
func otherToolbox(name string, there []toolbox.Part) error {
	if len(there) == 0 {
		return fault.New(fault.OtherToolbox, name, "%q has the toolbox of an older dlx already", name)
	}
	list := make([]string, len(there))
	for i, p := range there {
		list[i] = p.String()
	}
	return fault.New(fault.OtherToolbox, name, "%q has another toolbox already: %s", name, strings.Join(list, "; ")).With(list...)
}

// place is the host's way to a container's files.
type place struct {
	info  target.Info
	layer inject.Layer
	held  *target.Target // nil for a container that does not run
}

// close gives up what is held.
func (p *place) close() error {
	if p.held == nil {
		return nil
	}
	return p.held.Close()
}

func (p *place) process() *nsutil.Process {
	if p.held == nil {
		return nil
	}
	return p.held.Process
}

// place finds it. A process that is named by its number has no files of a runtime's.
func (l *Local) place(ctx context.Context, name string) (*place, error) {
	if ref, err := target.ParseRef(name); err == nil && ref.Scheme == target.PIDScheme {
		return &place{info: target.Info{Runtime: ref.Scheme, ID: ref.Name, Name: name}, layer: inject.Layer{ID: name, Name: name, Live: true}}, nil
	}
	info, err := l.targets.Resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Owner != 0 {
		e := fault.New(fault.NoLayer, info.Name, "the files of container %q are user %d's to change", info.Name, info.Owner)
		return nil, e.With(strconv.Itoa(info.Owner))
	}
	dirs, err := l.targets.Rootfs(ctx, info)
	if err != nil {
		return nil, err
	}
	p := &place{info: *info, layer: inject.Layer{ID: recordID(info), Name: info.Name, Live: info.State.Live()}}
	if !p.layer.Live {
		if mounted(dirs.Merged) {
			return nil, fault.New(fault.NoStoppedLayer, info.Name, "container %q does not run, and its files are still mounted at %s", info.Name, dirs.Merged)
		}
		p.layer.Path, p.layer.Lower = dirs.Upper, dirs.Lower
		return p, nil
	}
	p.layer.Path = dirs.Merged
	if p.held, err = l.targets.Open(ctx, info.Ref().String()); err != nil {
		return nil, err
	}
	p.layer.Is = isRootOf(p.held.Process)
	return p, nil
}

// mounted says whether a container's merged directory is there: of one that does not run it is when
// somebody has mounted it, or its runtime has not cleaned up yet. Nothing may be changed below an
// overlay that is mounted (the kernel's overlayfs.rst).
func mounted(merged string) bool {
	if merged == "" {
		return false
	}
	_, err := os.Stat(merged)
	return !errors.Is(err, fs.ErrNotExist)
}

// recordID is what a container's record in the journal is called, which is a TARGET too: an ID that
// no other container has, in any runtime, or the runtime with it.
func recordID(c *target.Info) string {
	if c.BareID() == c.ID {
		return c.ID
	}
	return c.Ref().String()
}

// isRootOf compares a directory with the root of a process.
func isRootOf(p *nsutil.Process) func(inject.Root) bool {
	return func(root inject.Root) bool {
		dev, ino, err := p.RootID()
		return err == nil && dev == root.Dev && ino == root.Ino
	}
}

// stillSo reports a container that was started while its upper directory was written to. What it
// sees of the change is undefined.
func (l *Local) stillSo(ctx context.Context, layer inject.Layer) error {
	info, err := l.targets.Resolve(ctx, layer.ID)
	if err != nil || layer.Live || !info.State.Live() {
		return err
	}
	return fault.New(fault.Changed, layer.Name, "container %q was started meanwhile: eject and inject again", layer.Name)
}

// Eject takes the toolbox out again.
func (l *Local) Eject(ctx context.Context, req EjectRequest) (results []EjectResult, err error) {
	defer func() { err = fault.In(string(VerbEject), req.Target, err) }()
	if err := requirePrivileges(linux.CapSysPtrace); err != nil {
		return nil, err
	}
	if err := containerOnly(VerbEject, req.Target); !req.All && err != nil {
		return nil, err
	}
	journal, err := l.openJournal()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	if !req.All {
		return l.ejectOne(ctx, journal, req.Target)
	}
	records, err := journal.All() // one that can not be read keeps no other toolbox in its place
	for _, r := range records {
		res, eerr := l.eject(ctx, journal, r)
		if eerr != nil {
			err = errors.Join(err, eerr)
			continue
		}
		results = append(results, res)
	}
	return results, err
}

func (l *Local) ejectOne(ctx context.Context, journal *inject.Journal, name string) ([]EjectResult, error) {
	info, err := l.targets.Resolve(ctx, name)
	if errors.Is(err, fault.NotFound) {
		return nil, removed(journal, fault.Of(err).Target, err)
	}
	if err != nil {
		return nil, err
	}
	record, err := journal.Get(recordID(info))
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, fault.New(fault.NotInjected, info.Name, "nothing is injected into %q", info.Name)
	}
	res, err := l.eject(ctx, journal, record)
	if err != nil {
		return nil, err
	}
	return []EjectResult{res}, nil
}

// removed tells a container that was removed with its toolbox from a name that means nothing.
func removed(journal *inject.Journal, name string, err error) error {
	records, _ := journal.All() // the error is about a container, not about other records
	for _, r := range records {
		_, id, ok := strings.Cut(r.ID, "://")
		if !ok {
			id = r.ID
		}
		if r.Name == name || strings.HasPrefix(id, name) {
			return fault.New(fault.Removed, r.Name, "container %q has been removed", r.Name)
		}
	}
	return err
}

// eject handles one record. A container that is gone has taken its files along.
func (l *Local) eject(ctx context.Context, journal *inject.Journal, record *inject.Record) (res EjectResult, err error) {
	res = EjectResult{Target: record.Name, ID: record.ID}
	p, err := l.place(ctx, record.ID)
	if res.Gone = errors.Is(err, fault.NotFound); res.Gone {
		p, err = &place{info: target.Info{ID: record.ID, Name: record.Name}}, nil
	}
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	end, err := l.begin(ctx, Operation{Verb: VerbEject, Target: p.info, Toolboxes: record.Toolboxes}, p.process())
	if err != nil {
		return res, err
	}
	defer func() { end(Outcome{Left: res.Left, Err: err}) }()
	if res.Gone {
		return res, journal.Forget(record.ID)
	}
	res.Target = p.layer.Name // it may have been renamed
	if res.Left, err = journal.Eject(ctx, p.layer, record); err != nil {
		return res, err
	}
	return res, l.stillSo(ctx, p.layer)
}
