package shell

import (
	"fmt"
	"strings"
	"testing"

	"dlx/internal/linux"
	"dlx/internal/testutil"
)

// TestProfileTable: docs/profiles.md has what the profiles are.
func TestProfileTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| profile | for | user | capabilities | seccomp | devices | AppArmor, SELinux | no_new_privs |\n")
	b.WriteString("|" + strings.Repeat(" --- |", 8) + "\n")
	for _, name := range ProfileNames() {
		p, err := FindProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		user, filter, nnp := "root, or `--user`", filterNames[p.filter], "always"
		if p.nonRoot {
			user = "nobody, or `--user`, not root"
		}
		if p.copies {
			filter = "the container's own; where that can not be copied, " + filter
		}
		if p.all {
			filter, nnp = "none", "if the container has it"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | the container's, and `--device` | the container's label | %s |\n",
			name, p.About, user, capabilityText(p), filter, nnp)
	}
	testutil.Section(t, "docs/profiles.md", "profiles", b.String())
}

// capabilityText says which capabilities a profile has in as few words as possible.
func capabilityText(p Profile) string {
	switch more := p.caps &^ ContainerCapabilities; {
	case p.all:
		return "all that dlx has"
	case p.caps == 0:
		return "none"
	case ContainerCapabilities&^p.caps != 0:
		return strings.Join(p.caps.Names(), ", ")
	case more == linux.CapSet(0):
		return "Docker's default"
	default:
		return "Docker's default, " + strings.Join(more.Names(), ", ")
	}
}
