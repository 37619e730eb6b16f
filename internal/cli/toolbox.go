package cli

import (
	"errors"
	"fmt"
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

// toolboxRow is a line of the list.
type toolboxRow struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Sequence uint64    `json:"sequence"`
	Arch     string    `json:"arch"`
	Digest   string    `json:"digest,omitempty"`
	Key      string    `json:"key,omitempty"` // who vouches for it
	NotAfter time.Time `json:"not_after,omitzero"`
	Refused  string    `json:"refused,omitempty"` // why it would not be taken
	File     string    `json:"file,omitempty"`

	Packages []packageRow `json:"packages,omitempty"`
}

func (a *app) toolboxListCommand() *cobra.Command {
	var output string
	var packages bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the toolbox that comes with dlx, and those that are kept",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			rows, err := toolboxRows()
			if err != nil && len(rows) == 0 {
				return err
			}
			table := a.printToolboxes
			if packages {
				table = a.printPackages
			}
			return errors.Join(a.print(output, rows, func() error { return table(rows) }), err)
		},
	}
	cmd.Flags().BoolVar(&packages, "packages", false, "list what is in them: each package with its version, as JSON always has it")
	outputFlag(cmd, &output)
	return cmd
}

// toolboxRows are the toolboxes, with whether they would be taken.
func toolboxRows() (rows []toolboxRow, err error) {
	if own, err := toolbox.Default(); err == nil {
		rows = append(rows, row(own.Manifest(), "", toolbox.VerifyDefault))
	}
	store := engine.Toolboxes()
	policy, err := engine.ToolboxPolicy(store)
	if err != nil {
		return rows, err
	}
	list, err := store.List()
	for _, s := range list {
		rows = append(rows, row(s.Manifest, s.File, func() (*toolbox.Verified, error) {
			b, err := toolbox.Open(s.File)
			if err != nil {
				return nil, err
			}
			return policy.Verify(b)
		}))
	}
	return rows, err
}

func row(m *toolbox.Manifest, file string, verify func() (*toolbox.Verified, error)) toolboxRow {
	r := toolboxRow{Name: m.Name, Version: m.Version, Sequence: m.Sequence, Arch: m.Arch, NotAfter: m.NotAfter, File: file, Packages: packagesOf(m)}
	v, err := verify()
	if err != nil {
		r.Refused = err.Error()
		return r
	}
	r.Digest, r.Key = v.Parts()[0].Digest, v.Parts()[0].Key
	return r
}

func (a *app) printToolboxes(rows []toolboxRow) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tSEQUENCE\tARCH\tKEY\tEXPIRES\tDIGEST")
	for _, r := range rows {
		expires := "-"
		if !r.NotAfter.IsZero() {
			expires = r.NotAfter.UTC().Format(time.DateOnly)
		}
		end := fmt.Sprintf("sha256:%.12s", r.Digest)
		if r.Refused != "" {
			end = r.Refused
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", printable.Escape(r.Name), printable.Escape(r.Version), r.Sequence, printable.Escape(r.Arch),
			orDash(printable.Escape(r.Key)), expires, printable.Escape(end))
	}
	return w.Flush()
}

func (a *app) toolboxVerifyCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify NAME|FILE|FOLDER",
		Short: "check a toolbox as a session would, and all of its bytes",
		Long: "Checks a toolbox's signature, its age and its shape, and the digest of every file, and says what is in it. With --key,\n" +
			"the given keys are trusted, and no others.",
		Args: exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := engine.Toolboxes().Find(args[0])
			if err != nil {
				return err
			}
			policy, err := policyOf(keys)
			if err != nil {
				return err
			}
			v, err := policy.Verify(b)
			if err != nil {
				return err
			}
			if err := v.CheckBytes(); err != nil {
				return err
			}
			return a.describe(b, v)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "trust the key of this .pub file instead of the configured ones; can be given more than once")
	return cmd
}

// policyOf trusts keys that are named, or those of the configuration.
func policyOf(files []string) (*toolbox.Policy, error) {
	if len(files) == 0 {
		return engine.ToolboxPolicy(engine.Toolboxes())
	}
	var keys []*toolbox.PublicKey
	for _, f := range files {
		k, err := toolbox.ReadPublicKey(f)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return &toolbox.Policy{Trust: toolbox.NewTrust(keys...), Now: time.Now()}, nil
}

// describe says what a toolbox that was taken is.
func (a *app) describe(b *toolbox.Bundle, v *toolbox.Verified) error {
	m, p := b.Manifest(), v.Parts()[0]
	size := int64(0)
	for _, f := range m.Files {
		size += f.Size
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s:\t%s\n", name, printable.Escape(fmt.Sprintf(format, args...)))
	}
	line("name", "%s", m.Name)
	line("version", "%s, sequence %d", m.Version, m.Sequence)
	line("architecture", "%s", m.Arch)
	line("created", "%s", m.Created.UTC().Format(time.RFC3339))
	if !m.NotAfter.IsZero() {
		line("expires", "%s", m.NotAfter.UTC().Format(time.RFC3339))
	}
	line("files", "%d, %d bytes", len(m.Files), size)
	line("digest", "sha256:%s", p.Digest)
	line("key", "%s", p.Vouched())
	return w.Flush()
}

func (a *app) toolboxImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|FOLDER",
		Short: "check a toolbox and keep it, for dlx debug --toolbox NAME",
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := toolbox.Open(args[0])
			if err != nil {
				return err
			}
			store := engine.Toolboxes()
			policy, err := engine.ToolboxPolicy(store)
			if err != nil {
				return err
			}
			v, err := store.Import(b, policy)
			if err != nil {
				return err
			}
			p := v.Parts()[0]
			a.notef("toolbox %s %s is kept, sha256:%.12s, %s", p.Name, p.Version, p.Digest, p.Vouched())
			return nil
		},
	}
}

func (a *app) toolboxSBOMCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sbom [NAME|FILE|FOLDER]",
		Short: "print a toolbox's bill of materials (CycloneDX)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := toolbox.Default()
			if len(args) > 0 {
				b, err = engine.Toolboxes().Find(args[0])
			}
			if err != nil {
				return err
			}
			sbom, err := b.SBOM()
			if err != nil {
				return err
			}
			if sbom == nil {
				return fmt.Errorf("toolbox %s has no bill of materials", b.Manifest().Title())
			}
			_, err = a.stdout.Write(sbom)
			if gone(err) {
				return nil
			}
			return err
		},
	}
}
