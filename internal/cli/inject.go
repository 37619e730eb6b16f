package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
)

func (a *app) injectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inject TARGET",
		Short: "keep the toolbox in a container's writable layer",
		Long: "Puts the toolbox at /.dlx in the container's writable layer, running or stopped, so that\n" +
			"`docker exec -it TARGET /.dlx/bin/sh` works. `dlx eject` takes it out again. What is placed is recorded first, in\n" +
			"/var/lib/dlx, or in $DLX_STATE_DIR.",
		Example:           "  dlx inject web\n  docker exec -it web /.dlx/bin/sh\n  dlx eject web",
		Args:              exactArgs(1),
		ValidArgsFunction: a.completeTarget,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.runInject(cmd.Context(), args[0]) },
	}
}

func (a *app) runInject(ctx context.Context, target string) error {
	return a.withEngine(func(e engine.Engine) error {
		res, err := e.Inject(ctx, engine.InjectRequest{Target: target})
		if err != nil {
			return err
		}
		name := printable.Escape(res.Target)
		if res.Already {
			return a.printf("%s has the toolbox at %s already; try: docker exec -it %s %s\n", name, res.Path, name, res.Shell)
		}
		return a.printf("toolbox placed in %s at %s; try: docker exec -it %s %s\n", name, res.Path, name, res.Shell)
	})
}

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
