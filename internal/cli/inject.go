package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
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
		var out strings.Builder
		if len(req.Toolboxes) > 0 || len(res.Toolboxes) > 1 { // not dlx's own alone
			for _, p := range res.Toolboxes {
				fmt.Fprintf(&out, "toolbox %s\n", printable.Escape(p.String()))
			}
		}
		name := printable.Escape(res.Target)
		if res.Already {
			fmt.Fprintf(&out, "%s has the toolbox at %s already; %s\n", name, res.Path, tryInjected(res))
		} else {
			fmt.Fprintf(&out, "toolbox placed in %s at %s; %s\n", name, res.Path, tryInjected(res))
		}
		return a.printf("%s", out.String())
	})
}

// tryInjected says what can be run of what was injected.
func tryInjected(res engine.InjectResult) string {
	switch {
	case res.Shell != "":
		return "try: " + runtimeExec(&res, "exec -it") + " " + res.Shell
	case res.Program != "":
		return "it has no shell; try: " + runtimeExec(&res, "exec") + " " + printable.Escape(res.Program)
	}
	return "it has no program in " + res.Path + "/bin"
}

// runtimeExec begins a command line of the runtime's own program, for people, that runs something
// in a container.
func runtimeExec(res *engine.InjectResult, exec string) string {
	name := printable.Escape(res.Target)
	switch namespace, id, ok := strings.Cut(res.ID, "/"); {
	case ok && namespace == kubernetes, res.Runtime == "crio":
		return "crictl " + exec + " " + printable.Escape(cmp.Or(id, res.ID))
	case ok:
		return "nerdctl -n " + printable.Escape(namespace) + " " + exec + " " + printable.Escape(id)
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
			name := printable.Escape(r.Target)
			switch {
			case r.Gone:
				err = errors.Join(err, a.printf("%s has been removed; its record is cleared\n", name))
			case len(r.Left) > 0:
				err = errors.Join(err, a.printf("toolbox taken out of %s; left, since dlx did not place it so:\n", name))
				for _, path := range r.Left {
					err = errors.Join(err, a.printf("  %s\n", printable.Escape(path)))
				}
			default:
				err = errors.Join(err, a.printf("toolbox taken out of %s\n", name))
			}
		}
		if err == nil && len(results) == 0 {
			a.notef("dlx: nothing is injected")
		}
		return err
	})
}
