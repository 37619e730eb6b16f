package policy

import "strings"

// filtered wants a capture to have a filter, against captures of everything by mistake. Who wants
// everything finds a filter that lets it through.
type filtered bool

func (f filtered) lacks(q *question) string {
	if bool(f) && q.op.Capture != nil && strings.TrimSpace(q.op.Capture.Filter) == "" {
		return "a filter is required"
	}
	return ""
}

func (f filtered) touches(*question) bool { return false }

// reasoned wants a reason for whatever is done to a target, which is what the record has reasons
// of. To show one in a list is not.
type reasoned bool

func (r reasoned) lacks(q *question) string {
	if bool(r) && targeted[q.op.Verb] && q.op.Verb != VerbList && strings.TrimSpace(q.reason) == "" {
		return "a reason is required"
	}
	return ""
}

func (r reasoned) touches(*question) bool { return false }
