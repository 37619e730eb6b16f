package failpoint

// Victims are the processes that a plan can end.
type Victims struct {
	Child  bool // the one that makes the step
	Keeper bool // the one that has forked it
	Dlx    bool // the one that has made the plan
}
