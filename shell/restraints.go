package shell

import (
	"fmt"
	"strings"
)

// Restraints are what holds a session back, for its user and for the record.
type Restraints struct {
	Profile      string   `json:"profile"`
	Capabilities []string `json:"capabilities"` // names without CAP_; those of a user other than root are in its bounding set alone
	NoNewPrivs   bool     `json:"no_new_privs"`
	Seccomp      string   `json:"seccomp"`
	Devices      string   `json:"devices"`
	Nodev        bool     `json:"nodev"`                 // device nodes outside of the view's /dev can not be opened
	Label        string   `json:"label,omitempty"`       // of a Linux security module, such as "AppArmor docker-default"
	UserNS       bool     `json:"user_namespace"`        // the container's own
	GroupsKept   bool     `json:"groups_kept,omitempty"` // the container's process's, since its user namespace lets nobody set others
	OOMScoreAdj  int      `json:"oom_score_adj"`
	Limits       int      `json:"resource_limits"` // how many are the container's
	// Unlimited says that nothing bounds the session's memory and processes: it has no control
	// group.
	Unlimited bool `json:"unlimited,omitempty"`
	// Privileged says that the container has the host's administrator's rights: what restrains the
	// session does not keep it from the host.
	Privileged bool `json:"privileged,omitempty"`
}

// String is one line.
func (r Restraints) String() string {
	parts := []string{"capabilities " + orNone(strings.Join(r.Capabilities, ","))}
	if r.NoNewPrivs {
		parts = append(parts, "no_new_privs")
	}
	parts = append(parts, "seccomp "+orNone(r.Seccomp), "devices "+r.Devices)
	if r.Nodev {
		parts = append(parts, "nodev")
	}
	if r.Label != "" {
		parts = append(parts, r.Label)
	}
	if r.UserNS {
		parts = append(parts, "the container's user namespace")
	}
	if r.GroupsKept {
		parts = append(parts, "the process's supplementary groups, since setgroups is denied there")
	}
	parts = append(parts, fmt.Sprintf("%d resource limits", r.Limits), fmt.Sprintf("oom_score_adj %d", r.OOMScoreAdj))
	if r.Unlimited {
		parts = append(parts, "no limit of memory and processes")
	}
	return fmt.Sprintf("profile %s: %s", r.Profile, strings.Join(parts, "; "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
