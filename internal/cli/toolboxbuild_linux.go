package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dlx/internal/printable"
	"dlx/toolbox"
	"dlx/toolbox/build"
)

// buildOptions are the flags of `dlx toolbox build`.
type buildOptions struct {
	recipe   build.Recipe
	out      string
	keys     []string
	notAfter string
}

func (a *app) toolboxBuildCommand() *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:   "build -o FILE",
		Short: "make a toolbox of packages, programs, folders, images or Go modules",
		Long: "Makes a toolbox of what is trusted already, and records of each file where it is from. Programs that are not static\n" +
			"get their loader and libraries, so that they run in a container that has none. The same inputs make the same bytes;\n" +
			"SOURCE_DATE_EPOCH sets the time that the toolbox says it was made.\n\n" +
			"FILE ends in .tar.zst or .tar, or is a folder that is not there yet.",
		Example: "  dlx toolbox build --deb strace --deb curl --name net -o net.tar.zst --key team.key\n" +
			"  dlx toolbox build --from-host strace --from-host /usr/bin/gdb -o here.tar.zst\n" +
			"  dlx toolbox build --go github.com/rakyll/hey@v0.1.4 -o hey.tar.zst",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.buildToolbox(cmd.Context(), &o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the file or folder to make")
	f.StringVar(&o.recipe.Name, "name", "custom", "the toolbox's name: lower-case letters, digits, dots and hyphens")
	f.StringVar(&o.recipe.Version, "version", "1", "its version, for people")
	f.Uint64Var(&o.recipe.Sequence, "sequence", 1, "its number, higher than that of every version before")
	f.StringVar(&o.notAfter, "not-after", "", "refuse it after this date, as 2027-01-31")
	f.StringArrayVar(&o.keys, "key", nil, "sign it with the key of this file; can be given more than once")
	f.StringArrayVar(&o.recipe.Debs, "deb", nil, "the programs of a package of Debian's, through apt")
	f.StringArrayVar(&o.recipe.Host, "from-host", nil, "a program of this machine")
	f.StringArrayVar(&o.recipe.Dirs, "from-dir", nil, "the files of a folder, as they lie")
	f.StringArrayVar(&o.recipe.Images, "from-image", nil, "the programs of a Docker image")
	f.StringArrayVar(&o.recipe.Go, "go", nil, "a Go program, MODULE@VERSION")
	f.BoolVar(&o.recipe.PureGo, "pure-go", false, "dlx's own tools, which are written in Go")
	return cmd
}

func (a *app) buildToolbox(ctx context.Context, o *buildOptions) error {
	if o.out == "" {
		return &usageError{errors.New("no -o FILE given")}
	}
	if o.notAfter != "" {
		t, err := time.Parse(time.DateOnly, o.notAfter)
		if err != nil {
			return &usageError{fmt.Errorf("--not-after is a date such as 2027-01-31, not %q", o.notAfter)}
		}
		o.recipe.NotAfter = t
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return &usageError{fmt.Errorf("SOURCE_DATE_EPOCH is a number of seconds, not %q", epoch)}
		}
		o.recipe.Created = time.Unix(seconds, 0)
	}
	keys, err := readPrivateKeys(o.keys)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	bar := &progressBar{a: a, live: isTerminal(a.stderr)}
	o.recipe.Progress = bar.show
	o.recipe.Note = func(what string) {
		bar.clear()
		a.notef("left out: %s", what)
	}
	b, err := o.recipe.Build(ctx)
	bar.clear()
	if errors.Is(err, build.ErrNothing) {
		return &usageError{fmt.Errorf("%w: --deb, --from-host, --from-dir, --from-image, --go and --pure-go say of what", err)}
	}
	if err != nil {
		return err
	}
	return a.saveToolbox(ctx, b, o.out, keys)
}

// saveToolbox signs a new toolbox and puts it into a file or folder.
func (a *app) saveToolbox(ctx context.Context, b *toolbox.Bundle, out string, keys []*toolbox.PrivateKey) error {
	if len(keys) > 0 {
		if err := b.Sign(keys...); err != nil {
			return err
		}
	}
	write := b.WriteFolder
	if strings.HasSuffix(out, ".zst") || strings.HasSuffix(out, ".tar") {
		write = b.WriteFile
	}
	if err := makeFile(out, ctx.Done(), func() error { return write(out) }); err != nil {
		return err
	}
	a.notef("toolbox %s of %d files in %s, sha256:%.12s", b.Manifest().Title(), len(b.Manifest().Files), out, b.Digest())
	if len(keys) == 0 {
		a.notef("it is not signed yet: dlx toolbox sign %s --key NAME.key", out)
	}
	return nil
}

// progressBar shows how far something is that takes long: a bar on a terminal, and else a line a
// step.
type progressBar struct {
	a     *app
	live  bool
	shown bool
}

const barWidth = 20

func (p *progressBar) show(done, total int, what string) {
	if !p.live {
		p.a.notef("%d/%d %s", done+1, total, what)
		return
	}
	full := barWidth * done / max(total, 1)
	fmt.Fprintf(p.a.stderr, "\r\x1b[K[%s%s] %d/%d %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), done+1, total, printable.Escape(what))
	p.shown = true
}

// clear takes the bar away.
func (p *progressBar) clear() {
	if p.shown {
		fmt.Fprint(p.a.stderr, "\r\x1b[K")
		p.shown = false
	}
}
