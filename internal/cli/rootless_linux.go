package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"dlx/internal/linux"
	"dlx/internal/rootless"
	"dlx/target"
	"dlx/target/podman"
	"dlx/toolbox"
)

// asRoot does a verb's work for a user without privileges, by another dlx that is root where the
// user's own containers are. done says that it did, and a.code is its exit status. Where there is
// nothing of the user's the verb goes on, and says what it lacks.
func (a *app) asRoot(ctx context.Context, targets []string) (done bool, err error) {
	if agent, err := a.agent(); err != nil || agent.address != "" {
		return false, err
	}
	caps, err := linux.Effective()
	if err != nil || os.Geteuid() == 0 || caps.Has(linux.CapSysAdmin) {
		return false, err
	}
	place := findPlace(ctx, targets)
	if place == nil {
		return false, nil
	}
	defer place.Close()
	if err := checkUserDirs(); err != nil {
		return false, err
	}
	a.code, err = place.Run(a.line)
	return true, err
}

// checkUserDirs checks who owns what dlx keeps for the user, while that can be seen: what is
// somebody else's looks like root's in a user namespace.
func checkUserDirs() error {
	keep, run := userDirs(os.Getenv("DLX_STATE_DIR"))
	dirs := []string{keep, run}
	if config, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(config, "dlx"))
	}
	for _, dir := range dirs {
		if err := toolbox.CheckOwners(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// findPlace is that of the first target's process, or the one that the user's Podman has for all
// its containers; nil if there is none. What is mounted for them is seen by Podman's own processes.
func findPlace(ctx context.Context, targets []string) *rootless.Place {
	helpers := podman.Helpers(ctx)
	var place *rootless.Place
	if pid := processOf(ctx, targets); pid > 0 {
		place, _ = rootless.Find(pid) // another's process is nobody's to enter: the verb says so
		helpers = append([]int{linux.Parent(pid)}, helpers...)
	} else {
		for _, helper := range helpers {
			if place, _ = rootless.Find(helper); place != nil {
				break
			}
		}
	}
	if place == nil {
		return nil
	}
	for _, helper := range helpers {
		if shared, err := place.Share(helper); err == nil && shared {
			break
		}
	}
	return place
}

// processOf is the first target's process, 0 if it has none.
func processOf(ctx context.Context, targets []string) int {
	if len(targets) == 0 {
		return 0
	}
	set := target.NewSet(runtimes(os.Getenv)...)
	defer set.Close()
	info, err := set.Resolve(ctx, targets[0])
	if err != nil {
		return 0 // the verb reports it
	}
	return info.PID
}
