package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/linux"
	"dlx/internal/printable"
	"dlx/target"
	"dlx/toolbox"
)

// check is one line of `dlx doctor`.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do when it is not OK
}

func (a *app) doctorCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "say whether this host has what dlx needs",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.runDoctor(cmd.Context(), output) },
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) runDoctor(ctx context.Context, output string) error {
	checks := kernelChecks()
	checks = append(checks, privilegeCheck(), cgroupCheck(), engineCheck(ctx), toolboxCheck(), journalCheck())
	err := a.print(output, checks, func() error {
		for _, c := range checks {
			mark := "ok  "
			if !c.OK {
				mark = "FAIL"
			}
			line := fmt.Sprintf("%s  %-18s %s", mark, c.Name, printable.Escape(c.Found))
			if c.Advice != "" {
				line += " -> " + c.Advice
			}
			if err := a.printf("%s\n", line); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range checks {
		if !c.OK {
			a.code = exitFailed
		}
	}
	return err
}

func kernelChecks() []check {
	release, err := linux.Release()
	if err != nil {
		release = err.Error()
	}
	checks := []check{{Name: "kernel", OK: err == nil, Found: release}}
	for _, f := range linux.Features() {
		c := check{Name: f.Name, OK: f.Err == nil, Found: "there"}
		if f.Err != nil {
			c.Found, c.Advice = f.Err.Error(), fmt.Sprintf("%s needs Linux %s or newer", f.For, f.Since)
			if errors.Is(f.Err, linux.ErrPerm) {
				c.Advice = "run dlx as root"
			}
		}
		checks = append(checks, c)
	}
	return checks
}

func privilegeCheck() check {
	caps, err := linux.Effective()
	c := check{Name: "privileges", OK: err == nil && os.Geteuid() == 0, Found: fmt.Sprintf("uid %d, capabilities %#x", os.Geteuid(), uint64(caps))}
	if missing := linux.Needed.Without(caps); missing != "" {
		c.OK, c.Found = false, c.Found+", without "+missing
	}
	if !c.OK {
		c.Advice = "run dlx as root, with the host's pid namespace if it is in a container itself"
	}
	return c
}

func cgroupCheck() check {
	mode, err := engine.CgroupMode()
	c := check{Name: "cgroups", OK: err == nil, Found: mode}
	if err != nil {
		c.Found, c.Advice = err.Error(), "mount cgroup2 at /sys/fs/cgroup, or the memory and pids controllers of version 1"
	}
	return c
}

func engineCheck(ctx context.Context) check {
	c := check{Name: "docker"}
	d, err := target.NewDocker()
	if err == nil {
		defer d.Close()
		var version, api string
		if version, api, err = d.Version(ctx); err == nil {
			c.OK, c.Found = true, fmt.Sprintf("%s at %s (API %s)", version, d.Socket(), api)
			return c
		}
	}
	c.Found = err.Error()
	var h hinter
	if errors.As(err, &h) {
		c.Advice = h.Hint()
	}
	return c
}

func toolboxCheck() check {
	c := check{Name: "toolbox"}
	box, err := toolbox.VerifyDefault()
	if err != nil {
		c.Found, c.Advice = err.Error(), "build dlx again with make"
		return c
	}
	p := box.Parts()[0]
	c.OK, c.Found = true, fmt.Sprintf("%s %s, %d entries, sha256:%.12s, %s", p.Name, p.Version, len(box.Files()), p.Digest, p.Key)
	return c
}

func journalCheck() check {
	n, unfinished, err := engine.Injected()
	c := check{Name: "injected", OK: err == nil && unfinished == 0, Found: fmt.Sprintf("%d toolboxes", n)}
	switch {
	case err != nil:
		c.Found, c.Advice = err.Error(), "see the records in the journal's directory"
	case unfinished > 0:
		c.Found, c.Advice = fmt.Sprintf("%d of %d injections were interrupted", unfinished, n), "run `dlx eject --all`"
	}
	return c
}
