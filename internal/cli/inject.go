package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dlx/engine"
)

func (a *app) injectCommand() *cobra.Command {
	var toolboxes []string
	cmd := &cobra.Command{
		Use:   "inject TARGET",
		Short: "keep the toolbox in a container's writable layer",
		Long: "Puts the toolbox at /.dlx in the container's writable layer, running or stopped, so that\n" +
			"`docker exec -it TARGET /.dlx/bin/sh` works. `dlx eject` takes it out again. What is placed is recorded first, in\n" +
			"/var/lib/dlx, or in $DLX_STATE_DIR.",
		Example:           "  dlx inject web\n  docker exec -it web /.dlx/bin/sh\n  dlx eject web\n  dlx inject web --toolbox ./net.tar.zst",
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runInject(cmd.Context(), engine.InjectRequest{Target: args[0], Toolboxes: toolboxRefs(toolboxes)})
		},
	}
	a.toolboxFlag(cmd, &toolboxes, "place")
	return cmd
}

func (a *app) runInject(ctx context.Context, req engine.InjectRequest) error {
	if done, err := a.asRoot(ctx, []string{req.Target}); done || err != nil {
		return err
	}
	if err := a.giveUp("inject", ""); err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		res, err := e.Inject(ctx, req)
		if err != nil {
			return err
		}
		if len(req.Toolboxes) > 0 || len(res.Toolboxes) > 1 { // not dlx's own alone
			for _, p := range res.Toolboxes {
				err = errors.Join(err, a.linef("toolbox %s", p))
			}
		}
		placed := fmt.Sprintf("toolbox placed in %s at %s", res.Target, res.Path)
		if res.Already {
			placed = fmt.Sprintf("%s has the toolbox at %s already", res.Target, res.Path)
		}
		return errors.Join(err, a.linef("%s; %s", placed, tryInjected(res)))
	})
}

// tryInjected says what can be run of what was injected.
func tryInjected(res engine.InjectResult) string {
	switch {
	case res.Shell != "":
		return "try: " + runtimeExec(&res, "exec -it") + " " + res.Shell
	case res.Program != "":
		return "it has no shell; try: " + runtimeExec(&res, "exec") + " " + res.Program
	}
	return "it has no program in " + res.Path + "/bin"
}

// runtimeExec begins a command line of the runtime's own program, for people, that runs something
// in a container.
func runtimeExec(res *engine.InjectResult, exec string) string {
	name := res.Target
	switch namespace, id, ok := strings.Cut(res.ID, "/"); {
	case ok && namespace == kubernetes, res.Runtime == "crio":
		return "crictl " + exec + " " + cmp.Or(id, res.ID)
	case ok:
		return "nerdctl -n " + namespace + " " + exec + " " + id
	case res.Runtime == "podman":
		return "podman " + exec + " " + name
	}
	return "docker " + exec + " " + name
}

// kubernetes is the namespace of containerd in which it is Kubernetes that makes containers.
const kubernetes = "k8s.io"

func (a *app) ejectCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:               "eject TARGET | --all",
		Short:             "take an injected toolbox out again",
		Long:              "Takes out what `dlx inject` has placed, and nothing else: files that were added or changed stay, and are named.",
		ValidArgsFunction: a.completeTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) || len(args) > 1 {
				return &usageError{errors.New("give one TARGET or --all")}
			}
			req := engine.EjectRequest{All: all}
			if !all {
				req.Target = args[0]
			}
			return a.runEject(cmd.Context(), req)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "from every container, removed ones and interrupted injections included")
	return cmd
}

func (a *app) runEject(ctx context.Context, req engine.EjectRequest) error {
	var targets []string
	if !req.All {
		targets = append(targets, req.Target)
	}
	if done, err := a.asRoot(ctx, targets); done || err != nil {
		return err
	}
	if err := a.giveUp("eject", ""); err != nil {
		return err
	}
	return a.withEngine(func(e engine.Engine) error {
		results, err := e.Eject(ctx, req)
		for _, r := range results {
			switch {
			case r.Gone:
				err = errors.Join(err, a.linef("%s has been removed; its record is cleared", r.Target))
			case len(r.Left) > 0:
				err = errors.Join(err, a.linef("toolbox taken out of %s; left, since dlx did not place it so:", r.Target))
				for _, path := range r.Left {
					err = errors.Join(err, a.linef("  %s", path))
				}
			default:
				err = errors.Join(err, a.linef("toolbox taken out of %s", r.Target))
			}
		}
		if err == nil && len(results) == 0 {
			a.notef("dlx: nothing is injected")
		}
		return err
	})
}
