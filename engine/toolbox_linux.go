package engine

import (
	"context"
	"slices"
	"time"

	"dlx/fault"
	"dlx/toolbox"
)

// policy is which toolboxes are taken now.
func (l *Local) policy() (*toolbox.Policy, error) {
	trust, err := toolbox.LoadTrust(l.o.Configs...)
	if err != nil {
		return nil, err
	}
	seen, err := l.store.Seen()
	if err != nil {
		return nil, err
	}
	return &toolbox.Policy{Trust: trust, Now: time.Now(), Seen: seen}, nil
}

// find opens the bundle that is meant.
func (l *Local) find(ref ToolboxRef) (*toolbox.Bundle, error) {
	switch ref := ref.(type) {
	case ToolboxName:
		return l.store.Find(string(ref))
	case ToolboxFile:
		if l.o.HostFiles {
			return toolbox.Open(string(ref))
		}
	}
	return nil, ErrHostFile
}

// toolboxes are those that are asked for, the first one first, and below them the one that comes
// with dlx. seen notes in the store that they are used.
func (l *Local) toolboxes(refs []ToolboxRef) (all *toolbox.Verified, seen func() error, err error) {
	none := func() error { return nil }
	own, err := l.bundled()
	if err != nil || len(refs) == 0 {
		return own, none, err
	}
	policy, err := l.policy()
	if err != nil {
		return nil, none, err
	}
	var list []*toolbox.Verified
	for _, ref := range refs {
		b, err := l.find(ref)
		if err != nil {
			return nil, none, err
		}
		v, err := policy.Verify(b)
		if err != nil {
			return nil, none, err
		}
		list = append(list, v)
	}
	all = toolbox.Combine(append(list, own)...)
	return all, func() error { return policy.Seen.Record(all) }, nil
}

// Toolboxes lists the toolbox that comes with dlx, and those in the store. What can not be read is
// an error beside the rest.
func (l *Local) Toolboxes(context.Context) (list []Toolbox, err error) {
	defer func() { err = fault.In("toolbox", "", err) }()
	if own, err := toolbox.Default(); err == nil {
		v, err := l.bundled()
		list = append(list, describe(own.Manifest(), v, err))
	}
	policy, err := l.policy()
	if err != nil {
		return list, err
	}
	stored, err := l.store.List()
	for _, s := range stored {
		b, err := toolbox.Open(s.File)
		var v *toolbox.Verified
		if err == nil {
			v, err = policy.Verify(b)
		}
		t := describe(s.Manifest, v, err)
		t.File = s.File
		list = append(list, t)
	}
	return list, err
}

// ToolboxNames are the names of those in the store that can be read.
func (l *Local) ToolboxNames(context.Context) (names []string, err error) {
	list, err := l.store.List()
	for _, t := range list {
		names = append(names, t.Name)
	}
	return slices.Compact(names), err
}

// describe says what a toolbox is, and who vouches for it or why it is refused.
func describe(m *toolbox.Manifest, v *toolbox.Verified, refused error) Toolbox {
	t := Toolbox{
		Name: m.Name, Version: m.Version, Sequence: m.Sequence, Arch: m.Arch, Created: m.Created, NotAfter: m.NotAfter,
		Files: len(m.Files), Bytes: m.Bytes(), Packages: m.Packages(),
	}
	if refused != nil {
		t.Refused = refused.Error()
		return t
	}
	t.Digest, t.Key, t.Vouched = v.Parts()[0].Digest, v.Parts()[0].Key, v.Parts()[0].Vouched()
	return t
}

// VerifyToolbox checks a toolbox as a session would, and all of its bytes.
func (l *Local) VerifyToolbox(_ context.Context, ref ToolboxRef, keys ...*toolbox.PublicKey) (t Toolbox, err error) {
	defer func() { err = fault.In("toolbox", "", err) }()
	b, err := l.find(ref)
	if err != nil {
		return t, err
	}
	policy := &toolbox.Policy{Trust: toolbox.NewTrust(keys...), Now: time.Now()}
	if len(keys) == 0 {
		if policy, err = l.policy(); err != nil {
			return t, err
		}
	}
	v, err := policy.Verify(b)
	if err != nil {
		return t, err
	}
	return describe(b.Manifest(), v, nil), v.CheckBytes()
}

// ImportToolbox checks a toolbox and keeps it in the store.
func (l *Local) ImportToolbox(_ context.Context, ref ToolboxRef) (t Toolbox, err error) {
	defer func() { err = fault.In("toolbox", "", err) }()
	b, err := l.find(ref)
	if err != nil {
		return t, err
	}
	policy, err := l.policy()
	if err != nil {
		return t, err
	}
	v, err := l.store.Import(b, policy)
	if err != nil {
		return t, err
	}
	return describe(b.Manifest(), v, nil), nil
}

// ToolboxSBOM returns a toolbox's bill of materials, nil if it has none. For a nil ref it is that
// of the toolbox that comes with dlx.
func (l *Local) ToolboxSBOM(_ context.Context, ref ToolboxRef) (sbom []byte, err error) {
	defer func() { err = fault.In("toolbox", "", err) }()
	b, err := toolbox.Default()
	if ref != nil {
		b, err = l.find(ref)
	}
	if err != nil {
		return nil, err
	}
	return b.SBOM()
}
