package shell

import (
	"os"
	"strings"

	"dlx/internal/linux"
	"dlx/nsutil"
)

// LabelModule is the security module by whose labels containers are confined on this host, or "".
func LabelModule() string {
	if on, err := os.ReadFile(apparmorEnabled); err == nil && strings.HasPrefix(string(on), "Y") {
		return moduleAppArmor
	}
	if linux.HasMagic(selinuxMount, linux.MagicSelinux) {
		return moduleSELinux
	}
	return ""
}

// The modules, by their names in labels.
const (
	moduleAppArmor = "AppArmor"
	moduleSELinux  = "SELinux"
)

// DefaultLabels are what runtimes label a container with that was given none (moby,
// daemon/apparmor_default.go).
var DefaultLabels = map[string]string{moduleAppArmor: "docker-default"}

// Labelled plans that a program gets a label of a module's when it is executed.
func Labelled(plan *linux.Plan, module, label string) error {
	self, err := nsutil.OpenSelf()
	if err != nil {
		return err
	}
	dir, data := "attr/", label
	if module == moduleAppArmor {
		data = "exec " + label
		if _, err := os.Stat("/proc/self/" + apparmorDir); err == nil {
			dir = apparmorDir
		}
	}
	self.PlanOwn(plan, nsutil.OwnFile{Name: dir + "exec", Data: data})
	return nil
}
