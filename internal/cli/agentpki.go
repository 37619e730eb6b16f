package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dlx/agent/pki"
	"dlx/fault"
)

// pkiOptions are what the commands about a CA have in common.
type pkiOptions struct{ dir, output string }

// agentPKICommand is `dlx agent pki`.
func (a *app) agentPKICommand() *cobra.Command {
	var o pkiOptions
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "make the certificates of agents and their users, without a CA of one's own",
		Long: "Keeps a certificate authority (CA) in a folder, for agents that listen on TCP and for who uses them. Whoever has its key\n" +
			"can let anybody in: it is best on a machine that runs no agent. Agents want a user's certificate to have the one\n" +
			"alternative name dlx://user/NAME and to be for clients alone; a CA that makes such certificates does as well.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.dir, "ca", "", "the CA's folder (default: pki in dlx's folder of the user's configuration)")
	cmd.AddCommand(a.pkiInitCommand(&o), a.pkiIssueCommand(&o), a.pkiRevokeCommand(&o), a.pkiListCommand(&o))
	return cmd
}

// folder is where the CA is.
func (o *pkiOptions) folder() (string, error) {
	if o.dir != "" {
		return o.dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &usageError{fmt.Errorf("no --ca given: %w", err)}
	}
	return filepath.Join(dir, "dlx", "pki"), nil
}

func (o *pkiOptions) open() (*pki.CA, error) {
	dir, err := o.folder()
	if err != nil {
		return nil, err
	}
	return pki.Open(dir)
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func (a *app) pkiInitCommand(o *pkiOptions) *cobra.Command {
	var name string
	var years int
	cmd := &cobra.Command{
		Use:   "init",
		Short: "make a CA in a folder that is not there yet, and print its fingerprint",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			dir, err := o.folder()
			if err != nil {
				return err
			}
			ca, err := pki.Init(dir, pki.Options{Name: name, Lifetime: days(years * 365)})
			if err != nil {
				return err
			}
			a.notef("%s signs certificates until %s; keep %s secret", ca.Name(), ca.Until().UTC().Format(time.DateOnly), dir)
			a.notef("agents and users trust %s; agents also read %s", ca.CertFile(), ca.ListFile())
			return a.printf("%s\n", ca.Fingerprint())
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call it (default: a random name)")
	cmd.Flags().IntVar(&years, "years", 10, "how long it is valid for")
	return cmd
}

func (a *app) pkiRevokeCommand(o *pkiOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke [NAME|NUMBER]...",
		Short: "end certificates, and sign the list of those that were ended",
		Long: "Revokes all valid certificates of a name, or that of a number, and signs the list of revoked ones, which agents have to\n" +
			"get a copy of: a connection of one that is in it ends within seconds. The list counts for 90 days, and then nobody is\n" +
			"let in; each `issue` and `revoke` signs it anew, as does `revoke` without an argument.",
		RunE: func(_ *cobra.Command, args []string) error {
			ca, err := o.open()
			if err != nil {
				return err
			}
			records, err := ca.Revoke(args...)
			if err != nil {
				return err
			}
			a.notef("agents learn of it from %s", ca.ListFile())
			return a.printRecords(o.output, records)
		},
	}
	outputFlag(cmd, &o.output)
	return cmd
}

func (a *app) pkiListCommand(o *pkiOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the certificates that were issued",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			ca, err := o.open()
			if err != nil {
				return err
			}
			records, err := ca.List()
			if err != nil {
				return err
			}
			return a.printRecords(o.output, records)
		},
	}
	outputFlag(cmd, &o.output)
	return cmd
}

func (a *app) printRecords(output string, records []pki.Record) error {
	if records == nil {
		records = []pki.Record{} // an empty list in JSON, too
	}
	return a.print(output, records, func() error {
		t := a.table("NAME", "KIND", "STATE", "EXPIRES", "NUMBER")
		for _, r := range records {
			state := string(r.State)
			if !r.RevokedAt.IsZero() {
				state += " " + r.RevokedAt.UTC().Format(time.DateOnly)
			}
			t.row([]string{strings.Join(r.Names, ","), string(r.Kind), state, r.NotAfter.UTC().Format(time.DateOnly), r.Number})
		}
		return t.flush()
	})
}

// certificateHint is hint for certificates and CAs.
func certificateHint(e *fault.Error) string {
	switch e.Kind {
	case fault.BadCertificate:
		return "it is a PEM file as `dlx agent pki` makes them, or another CA can; agents and users have different ones"
	case fault.NoCA:
		return "`dlx agent pki init` makes one, and --ca says where it is"
	case fault.NotIssued:
		return "`dlx agent pki list` lists what was issued"
	}
	return ""
}
