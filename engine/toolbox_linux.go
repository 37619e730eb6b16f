package engine

import "dlx/toolbox"

// toolboxes are those that are asked for, the first one first, above the one that comes with dlx.
func (l *Local) toolboxes(refs []string) (*toolbox.Verified, error) {
	own, err := l.box()
	if err != nil || len(refs) == 0 {
		return own, err
	}
	store := Toolboxes()
	policy, err := ToolboxPolicy(store)
	if err != nil {
		return nil, err
	}
	var list []*toolbox.Verified
	for _, ref := range refs {
		b, err := store.Find(ref)
		if err != nil {
			return nil, err
		}
		v, err := policy.Verify(b)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	all := toolbox.Combine(append(list, own)...)
	return all, policy.Seen.Record(all)
}
