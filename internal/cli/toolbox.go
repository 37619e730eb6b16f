package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dlx/engine"
	"dlx/internal/printable"
	"dlx/toolbox"
)

func (a *app) toolboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "toolbox",
		Short: "make, sign, check and keep toolboxes",
		Long: "A toolbox is files with a manifest that lists each with its digest, origin and licence, a bill of materials, and\n" +
			"signatures of the manifest. dlx takes one that a key in " + toolbox.SystemConfig + "/" + toolbox.TrustedName + ", or in the same folder of the\n" +
			"user's configuration, has signed, and checks each file while it is copied.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.toolboxListCommand(), a.toolboxVerifyCommand(), a.toolboxImportCommand(), a.toolboxSBOMCommand(),
		a.toolboxKeygenCommand(), a.toolboxSignCommand(), a.toolboxBuildCommand())
	return cmd
}

func (a *app) toolboxListCommand() *cobra.Command {
	var output string
	var packages bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the toolbox that comes with dlx, and those that are kept",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withEngine(func(e engine.Engine) error {
				list, err := e.Toolboxes(cmd.Context())
				if err != nil && len(list) == 0 {
					return err
				}
				table := a.printToolboxes
				if packages {
					table = a.printPackages
				}
				return errors.Join(a.print(output, list, func() error { return table(list) }), err)
			})
		},
	}
	cmd.Flags().BoolVar(&packages, "packages", false, "list what is in them: each package with its version, as JSON always has it")
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) printToolboxes(rows []engine.Toolbox) error {
	t := a.table("NAME", "VERSION", "SEQUENCE", "ARCH", "KEY", "EXPIRES", "DIGEST")
	for _, r := range rows {
		expires := "-"
		if !r.NotAfter.IsZero() {
			expires = r.NotAfter.UTC().Format(time.DateOnly)
		}
		end := fmt.Sprintf("sha256:%.12s", r.Digest)
		if r.Refused != "" {
			end = r.Refused
		}
		t.row([]string{r.Name, r.Version, strconv.FormatUint(r.Sequence, 10), r.Arch, orDash(r.Key), expires, end})
	}
	return t.flush()
}

func (a *app) toolboxVerifyCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify NAME|FILE|FOLDER",
		Short: "check a toolbox as a session would, and all of its bytes",
		Long: "Checks a toolbox's signature, its age and its shape, and the digest of every file, and says what is in it. With --key,\n" +
			"the given keys are trusted, and no others.",
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := readKeys(keys)
			if err != nil {
				return err
			}
			return a.withEngine(func(e engine.Engine) error {
				t, err := e.VerifyToolbox(cmd.Context(), toolboxRef(args[0]), trusted...)
				if err != nil {
					return err
				}
				return a.describe(&t)
			})
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "trust the key of this .pub file instead of the configured ones; can be given more than once")
	return cmd
}

// readKeys reads the public keys of files.
func readKeys(files []string) (keys []*toolbox.PublicKey, err error) {
	for _, f := range files {
		k, err := toolbox.ReadPublicKey(f)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// toolboxRef takes what has a slash in it, or ends like an archive, for a file or folder.
func toolboxRef(s string) engine.ToolboxRef {
	if strings.ContainsAny(s, "/\\") || strings.HasSuffix(s, ".zst") || strings.HasSuffix(s, ".tar") {
		return engine.ToolboxFile(s)
	}
	return engine.ToolboxName(s)
}

func toolboxRefs(list []string) (refs []engine.ToolboxRef) {
	for _, s := range list {
		refs = append(refs, toolboxRef(s))
	}
	return refs
}

// describe says what a toolbox that was taken is.
func (a *app) describe(t *engine.Toolbox) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s:\t%s\n", name, printable.Escape(fmt.Sprintf(format, args...)))
	}
	line("name", "%s", t.Name)
	line("version", "%s, sequence %d", t.Version, t.Sequence)
	line("architecture", "%s", t.Arch)
	line("created", "%s", t.Created.UTC().Format(time.RFC3339))
	if !t.NotAfter.IsZero() {
		line("expires", "%s", t.NotAfter.UTC().Format(time.RFC3339))
	}
	line("files", "%d, %d bytes", t.Files, t.Bytes)
	line("digest", "sha256:%s", t.Digest)
	line("key", "%s", t.Vouched)
	return w.Flush()
}

func (a *app) toolboxImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|FOLDER",
		Short: "check a toolbox and keep it, for dlx debug --toolbox NAME",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngine(func(e engine.Engine) error {
				t, err := e.ImportToolbox(cmd.Context(), engine.ToolboxFile(args[0]))
				if err != nil {
					return err
				}
				a.notef("toolbox %s %s is kept, sha256:%.12s, %s", t.Name, t.Version, t.Digest, t.Vouched)
				return nil
			})
		},
	}
}

func (a *app) toolboxSBOMCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sbom [NAME|FILE|FOLDER]",
		Short: "print a toolbox's bill of materials (CycloneDX)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngine(func(e engine.Engine) error { return a.runToolboxSBOM(cmd.Context(), e, args) })
		},
	}
}

func (a *app) runToolboxSBOM(ctx context.Context, e engine.Engine, args []string) error {
	var ref engine.ToolboxRef
	name := "dlx"
	if len(args) > 0 {
		ref, name = toolboxRef(args[0]), args[0]
	}
	sbom, err := e.ToolboxSBOM(ctx, ref)
	if err != nil {
		return err
	}
	if sbom == nil {
		return fmt.Errorf("toolbox %s has no bill of materials", name)
	}
	_, err = a.stdout.Write(sbom)
	if gone(err) {
		return nil
	}
	return err
}

func (a *app) printPackages(rows []engine.Toolbox) error {
	t := a.table("TOOLBOX", "PACKAGE", "VERSION", "LICENSE")
	for _, r := range rows {
		for _, p := range r.Packages {
			t.row([]string{r.Name, orDash(p.Name), orDash(p.Version), orDash(p.License)})
		}
	}
	return t.flush()
}
